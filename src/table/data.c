/* What tables may store, by name (HAProxy's manual, section 11.1). */
#include "ballast/table/table.h"

const struct table_data_row table_data_rows[DATA_COUNT] = {
	[DATA_SERVER_ID] = { "server_id", DATA_NUMBER },
	[DATA_GPT0] = { "gpt0", DATA_NUMBER },
	[DATA_GPC0] = { "gpc0", DATA_NUMBER },
	[DATA_GPC0_RATE] = { "gpc0_rate", DATA_RATE },
	[DATA_CONN_CNT] = { "conn_cnt", DATA_NUMBER },
	[DATA_CONN_RATE] = { "conn_rate", DATA_RATE },
	[DATA_CONN_CUR] = { "conn_cur", DATA_NUMBER },
	[DATA_SESS_CNT] = { "sess_cnt", DATA_NUMBER },
	[DATA_SESS_RATE] = { "sess_rate", DATA_RATE },
	[DATA_HTTP_REQ_CNT] = { "http_req_cnt", DATA_NUMBER },
	[DATA_HTTP_REQ_RATE] = { "http_req_rate", DATA_RATE },
	[DATA_HTTP_ERR_CNT] = { "http_err_cnt", DATA_NUMBER },
	[DATA_HTTP_ERR_RATE] = { "http_err_rate", DATA_RATE },
	[DATA_BYTES_IN_CNT] = { "bytes_in_cnt", DATA_TOTAL },
	[DATA_BYTES_IN_RATE] = { "bytes_in_rate", DATA_RATE },
	[DATA_BYTES_OUT_CNT] = { "bytes_out_cnt", DATA_TOTAL },
	[DATA_BYTES_OUT_RATE] = { "bytes_out_rate", DATA_RATE },
	[DATA_GPC1] = { "gpc1", DATA_NUMBER },
	[DATA_GPC1_RATE] = { "gpc1_rate", DATA_RATE },
	[DATA_HTTP_FAIL_CNT] = { "http_fail_cnt", DATA_NUMBER },
	[DATA_HTTP_FAIL_RATE] = { "http_fail_rate", DATA_RATE },
};

enum table_data table_data_find(struct slice name)
{
	for (unsigned d = 0; d < DATA_COUNT; d++)
		if (slice_eq(name, slice_from_str(table_data_rows[d].name)))
			return d;
	return DATA_NONE;
}
