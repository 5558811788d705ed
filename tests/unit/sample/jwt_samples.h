/* jwt_samples: keys made for these tests, and tokens signed with them by `openssl dgst`; the secret is "secret". */
#ifndef JWT_SAMPLES_H
#define JWT_SAMPLES_H

static const char rsa_spki[] = "-----BEGIN PUBLIC KEY-----\n"
			       "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAxuJej5Caed8Gr8JRfiiP\n"
			       "kuM4sZxh/lDTexzgAvnmpzlX4fw5w3ycLutjW+OuMZdBBbaOgnvDE7c6pJACh20/\n"
			       "OMvxdAgRv6SNTDHNmdzn5NC5X5H8aZMEmOj8XpgVJsMF2zUgx0sj4q7TIVwLvRg6\n"
			       "brijW3tjNaosAR0cFW0va5znxFje7b4PYL0FdHZjddYiQUFX7V6wbs2ocfmKLfZa\n"
			       "dNm4dMcPdtULC/7IGWC7tTZXKqmlktjSPXq3KykUwaE5segkLj16B3U+yKFc3YPS\n"
			       "RSuYZze/+I+BlAMwBV3gX5mt/e8YDwM10MxBlRB3Ct4VnYiUnM0PT0QBhOc1FPG+\n"
			       "KQIDAQAB\n"
			       "-----END PUBLIC KEY-----\n";
static const char rsa_pkcs1[] = "-----BEGIN RSA PUBLIC KEY-----\n"
				"MIIBCgKCAQEAxuJej5Caed8Gr8JRfiiPkuM4sZxh/lDTexzgAvnmpzlX4fw5w3yc\n"
				"LutjW+OuMZdBBbaOgnvDE7c6pJACh20/OMvxdAgRv6SNTDHNmdzn5NC5X5H8aZME\n"
				"mOj8XpgVJsMF2zUgx0sj4q7TIVwLvRg6brijW3tjNaosAR0cFW0va5znxFje7b4P\n"
				"YL0FdHZjddYiQUFX7V6wbs2ocfmKLfZadNm4dMcPdtULC/7IGWC7tTZXKqmlktjS\n"
				"PXq3KykUwaE5segkLj16B3U+yKFc3YPSRSuYZze/+I+BlAMwBV3gX5mt/e8YDwM1\n"
				"0MxBlRB3Ct4VnYiUnM0PT0QBhOc1FPG+KQIDAQAB\n"
				"-----END RSA PUBLIC KEY-----\n";
static const char ec_256[] = "-----BEGIN PUBLIC KEY-----\n"
			     "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE9+ejA8zOBIHI8iEy2atRDe7Is0+9\n"
			     "7EHlep5oEG4VcGBkH73zbcjErKApNIc71QuE0JBTPB1p+FxGHtp5hCxN+g==\n"
			     "-----END PUBLIC KEY-----\n";
static const char ec_384[] = "-----BEGIN PUBLIC KEY-----\n"
			     "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE5CF2ZkLISUHdlUh00BEo2f3my3ABhPrH\n"
			     "ts7p/7omMeSWf8LMXyU01Ch4XJVwtBquyQx7uoX/Ixz3lhnZCP4MBYuLUFa9Rt+2\n"
			     "cBygIFB3AQhIGsYCIuFdiVYLAEYL6tWW\n"
			     "-----END PUBLIC KEY-----\n";
static const char ec_521[] = "-----BEGIN PUBLIC KEY-----\n"
			     "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBhLRyYGjcLY/wCmjtJjOqzsYQOQAj\n"
			     "VQXZ9C7hc1ITte6hQdNFFxm/m9aSkrJ8mmL1mAX+/v2BmgKFIazY/zV/vKoB6R3N\n"
			     "GwOmpbpsfJAyrzvWBaEO1lxvoIHr33RE0me8j1Z5wieNgkCTNEB5kzQarfkhIExk\n"
			     "Ohhm2COzst3uhdqjL4E=\n"
			     "-----END PUBLIC KEY-----\n";

static const struct {
	const char *alg, *token;
} samples[] = {
	{ "HS256", "eyJhbGciOiAiSFMyNTYifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.v0-fF8sYe9xDPV4uY-3gkbu-rQHX4gcmAMtCCALHXjM" },
	{ "HS384",
		"eyJhbGciOiAiSFMzODQifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.y44Ss_IhQE8GMoJDqUnXafVCSyjiMmWBLJlDb05s7R3cBElAhd"
		"Rk-d6BaYY67ljZ" },
	{ "HS512",
		"eyJhbGciOiAiSFM1MTIifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.MOcJZV4K7ugJ9q6gsPBDZjN23SMTA-JUNJgob6eYHnquh7m3KM"
		"5dkgtxCUBzQoe34EpJ24-FQY9Jc8W8a5_FuQ" },
	{ "RS256",
		"eyJhbGciOiAiUlMyNTYifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.V1uVA_Go0b6AnhcINyursa7dOyLxSST2mNxlwILYBdss0ZGOo0"
		"vL0EAinAWUlsAGiQDojNFpwnWVY-Rud34Qukwn2IwQK0IdCfbc8Fa3_aFmYBBJXWZFObgZulxNVIg73UmwiNv_GFQrMEqjcqnqw_"
		"8zn-4JcB-Pw0f-LkFSagHlERiDHe8wD-xLZaQcxtvTwD4w-2L1cMbj_ec6Jf_S3yC9UtZ1xuO2W0GAraCJnmdLmm8K9c59yP2Fim"
		"AeuoFX13z7A1wu0NIO33WlkMgeFb1WVHik6eOAxtTIYprJmZvaLlGaR2xRMZyArBDIvpx7Rvp_Xmt0gjBxcp30rwa-YQ" },
	{ "RS384",
		"eyJhbGciOiAiUlMzODQifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.hA3NhD3krtaAsB4wnq9h05GsQ7SIfWoZ7Ul90ibMJyvKTwMIHP"
		"6Pp_2BneVRzu0OZ9ZEMdIncp59cNa-zF2Z-e86fSVgJtRjTEmRuR5usw1sJJXiEfhcodLzIevlvCK5wup0YNqBJJiZhTlLtETfTG"
		"UDiPmA368bdATX6EWccbcagXXW2ZmE2C8cbH8HBaGTFw7UP2Qx_c8k0GTrd9i7Vtfet7QR3yg4EhnwFPVXSdwbiNf3UTvP6Jt74p"
		"lSHmyDyi0C564kLLNd5Hrh5shlGwryp93fmqZvQoCFN-UI_08JLcgTREAplESuW0Qoi52T-UHHgl4XQUFlYBHk0v4wJQ" },
	{ "RS512",
		"eyJhbGciOiAiUlM1MTIifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.LFr79YM-QQiskJK1bQ0RgAbqzXCKMp8RWlTXouoqPP_2mXpVas"
		"v-ZnFUAULb2Xa7-Nz2jeFu_8RMZk-vcbB-zKjSyblLo3zjuMRYnF5ErbXeCbyw4P6TV0jxMdEHTSWAxJhAeh8a0fz18KjhP2GPkG"
		"9jrRlKD6y7HR61x5UWjIQsJ2tRZfwofowi6sHqGrF31siuU2uboCVFXR6ENEiWGW2hQKBLVUWurm8RWFW3XtNf0pTO8AfR6Hjj2_"
		"xTrw6AFD1G4-V2XbUn5DhD9AprBO5VYa8FAVagrhDBYB8WGWJKkx-6OIyDPgCGJ1O2TDerqNePa1wqKm-2u7Li_SeC4Q" },
	{ "PS256",
		"eyJhbGciOiAiUFMyNTYifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.wIBy4946zUI5bQ8Wo5qVMkt8uETk7yY4D7rVssHCGqfBbv4eza"
		"LTXSgTGkYuXaJtJLgaGNRwQ8naBkQWXiK8ugF-ddF32vgaDk17POA58iRWA8oiTfTiBxzQsQXQYiusQ9rTsGN4ZH2Xo2n2D57fue"
		"9_L-cSQrEKT_wMYdiohPhEw2hwkG2I6A-JzLqqmkmil7JyuGcvnROLttxH02FwkkNnlV11U9hlKedmpXbGydhA-Ix4UKPkEz8dr_"
		"WnicGJzV9Zdu-xQl1cbIWPyFNkE4py53VqLgOg0EtoTjkulHpx20pPehgqrLb2CPv61eRcNYdfzGq5rc9henSGpptgQA" },
	{ "PS384",
		"eyJhbGciOiAiUFMzODQifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.FNthtBuWTlz21KTchnIfS1SUKvUGSAb7p-1oIECDYrP-2K6ytF"
		"bBCFhW3-oE9yMQP8qcSJAy5qiapxDTr-UD6_-r_3VWkWZcmUiITpHuxAfBX94ya3I4FNYTLPpVb4L5J14fAqLlNt3ZG6ZP45jnvs"
		"2pDPyHB8Yrluid5bm63Zi6a5Ri27cTemih0Hla-yYSs2DQtNR9UDm_V3DsEmTvYkIllGjGPmGJ2eh7DkgpdBZeU_ZBujrISppzi8"
		"MsgbyeVE32sX0_pm4_XmOesHRRfGZ8nDbjCqJ3aC0Iw7qeOVgcCL8RHUrmoUVFpYOdu_mJp3NPJ1So1O0QEU6FsEOAcw" },
	{ "PS512",
		"eyJhbGciOiAiUFM1MTIifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.HVldvP_-_JMetGt5dIsVaJ_GsAdaKUtXXyrR4RrMM_7TACrkfH"
		"B9TfgpOY0x_k4SQ5noQ589W9X1P41Po3eShsDCoL4B5B7cHM8vFjITaQpMFL_xq73GqQGCU65VsTx8FR9AxliLJHHuqkaUbDy2JQ"
		"SaADbcf2_zD4frLvTrgB8_aTe83dftjdqwtpdiLrsV0XwiQXb_riM7zipZvCIsf9HcR0Na0A5SawEy1qfKY9Igqo5r-5iwppP9B7"
		"v73F5MmEMjxYv9-pRMyQX2-x0X90PiAdGMdkyyesuX8hcDLDA45Qs7b0VBb4MBwOWQec_zYPthkPMIx5CkmsBP4jYnKw" },
	{ "ES256",
		"eyJhbGciOiAiRVMyNTYifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.aQW7G8LXfl8cH1wPSNtGS6VSYwW7bXnbl3mDiO1wrQOrwHAUoY"
		"cnOkN05Nkgxmszotb1ioqTP7kzIWJ5GuG-FQ" },
	{ "ES384",
		"eyJhbGciOiAiRVMzODQifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.5LffY1CN7xAGGrbUc6nFU3g3078srZB9ivJLQLWvvcljGCM2xr"
		"Ar2SyfocLepZRTZzvgZs-IsES4xw1slwGi3WzYtIOJSVd-ZKOKfPvn3DCRiRFAUyPQ8EUcAbQIZPqy" },
	{ "ES512",
		"eyJhbGciOiAiRVM1MTIifQ.eyJzdWIiOiJqb2UiLCJuIjo3fQ.AU6O6SPRJGctVV1sREV5xbzA4bJGTXZrUSPlP6pkHSQCEWsPrs"
		"CuXVyftyyeVYaiAapVT4lDvyV4QjZ6l-iEHbnkAMoU4pvEOqgTI_q88Gfywjf-YPPANCFiWxIsw1l7oM7Ibu4uh4sXdTH-5qF8hC"
		"X72vVZkdcXufJK_YEzc9XxY8S5" },
};

#endif
