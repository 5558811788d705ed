/* test_fetch_layer4: addresses and ports of the client's connection. */
#include <unistd.h>

#include "ballast/event/loop.h"
#include "sample_test.h"

static void test_source(void **state)
{
	(void)state;
	assert_eval("src", "192.0.2.7");
	assert_eval("src_port", "40000");
	set_source("2001:db8::1", 65535);
	assert_eval("src", "2001:db8::1");
	assert_eval("src_port", "65535");
}

static void test_destination(void **state)
{
	(void)state;
	assert_eval("dst", "198.51.100.1");
	assert_eval("dst_port", "8080");
}

static void test_unix_clients_have_no_address(void **state)
{
	(void)state;
	world.src = (union addr){ .family = AF_UNSPEC };
	assert_eval("src", "(none)");
	assert_eval("src_port", "(none)");
	world.ctx.src = NULL;
	assert_eval("src", "(none)");
	world.ctx.dst = NULL;
	assert_eval("dst", "(none)");
	assert_eval("dst_port", "(none)");
}

static void test_destination_is_asked_of_the_connection_once(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	int listening = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	struct conn conn = { .watch.fd = client };
	char port[16];
	(void)state;
	assert_int_equal(bind(listening, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(client, (struct sockaddr *)&at, &len), 0);
	snprintf(port, sizeof port, "%u", ntohs(at.sin_port));
	world.ctx.dst = NULL;
	world.ctx.client = &conn;
	assert_eval("dst", "127.0.0.1");
	assert_eval("dst_port", port);
	close(client);
	close(listening);
	assert_eval("dst_port", port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_source),
		world_test(test_destination),
		world_test(test_unix_clients_have_no_address),
		world_test(test_destination_is_asked_of_the_connection_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
