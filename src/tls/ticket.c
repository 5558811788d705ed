/* The keys of session tickets (RFC 5077 section 4).
 *
 * One ring for all contexts and threads: the newest key makes tickets, it and those before it open them.  A new one is
 * made each hour, by whichever thread first sees that it is due; so a key that leaks opens the sessions of a few hours.
 * A key is written once and then only read: a reader needs no lock.  Algorithms are fetched once, not for each
 * ticket.
 */
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

#include "ballast/base/clock.h"
#include "private.h"

enum { KEYS = 4, KEY_LIFE_S = 3600 };

struct ticket_key {
	unsigned char name[16], aes[32], mac[32];
};

static struct {
	struct ticket_key keys[KEYS];
	_Atomic uint32_t newest; /* number of the newest key since the start; 0: none */
	_Atomic uint64_t due_s;
	pthread_mutex_t lock;
	EVP_CIPHER *cipher;
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t now_s(void)
{
	return (loop_self ? loop_self->now_ns : clock_mono_ns()) / 1000000000u;
}

/* Under the lock.  The key that is overwritten has not made a ticket for KEYS - 1 hours. */
static int add_key(void)
{
	uint32_t number = atomic_load(&ring.newest) + 1;
	struct ticket_key *k = &ring.keys[number % KEYS];

	if (RAND_priv_bytes((unsigned char *)k, sizeof *k) != 1)
		return -EIO;
	atomic_store_explicit(&ring.newest, number, memory_order_release);
	atomic_store(&ring.due_s, now_s() + KEY_LIFE_S);
	return 0;
}

int tls_tickets_init(void)
{
	int err = 0;

	pthread_mutex_lock(&ring.lock);
	if (!ring.cipher)
		ring.cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (!ring.cipher)
		err = -ENOSYS;
	else if (!atomic_load(&ring.newest))
		err = add_key();
	pthread_mutex_unlock(&ring.lock);
	return err;
}

static void rotate(void)
{
	if (now_s() < atomic_load_explicit(&ring.due_s, memory_order_relaxed) || pthread_mutex_trylock(&ring.lock))
		return;
	if (now_s() >= atomic_load(&ring.due_s))
		add_key();
	pthread_mutex_unlock(&ring.lock);
}

static int set_mac(EVP_MAC_CTX *mac, const struct ticket_key *k)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)k->mac, sizeof k->mac),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_END,
	};
	return EVP_MAC_CTX_set_params(mac, params);
}

static int seal(unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	uint32_t newest = atomic_load_explicit(&ring.newest, memory_order_acquire);
	const struct ticket_key *k = &ring.keys[newest % KEYS];

	memcpy(name, k->name, 16);
	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(ring.cipher)) != 1 ||
		EVP_EncryptInit_ex(cipher, ring.cipher, NULL, k->aes, iv) != 1 || set_mac(mac, k) != 1)
		return -1;
	return 1;
}

/* 1: it opens; 2: it does, and is to be renewed; 0: unknown key, a full handshake follows. */
static int unseal(const unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	uint32_t newest = atomic_load_explicit(&ring.newest, memory_order_acquire);

	for (uint32_t i = 0; i < KEYS - 1 && i < newest; i++) {
		const struct ticket_key *k = &ring.keys[(newest - i) % KEYS];
		if (memcmp(k->name, name, 16) != 0)
			continue;
		if (set_mac(mac, k) != 1 || EVP_DecryptInit_ex(cipher, ring.cipher, NULL, k->aes, iv) != 1)
			return -1;
		return i ? 2 : 1;
	}
	return 0;
}

int tls_ticket_key(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
	int make)
{
	(void)ssl;
	rotate();
	return make ? seal(name, iv, cipher, mac) : unseal(name, iv, cipher, mac);
}
