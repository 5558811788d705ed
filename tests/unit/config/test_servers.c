/* Servers as the graph has them. */
#include "load_text.h"

static struct loaded l;

static int free_graph(void **state)
{
	(void)state;
	loaded_free(&l);
	return 0;
}

/* The servers of one backend whose lines these are. */
static struct server **servers(const char *lines)
{
	char text[2048];

	snprintf(text, sizeof(text), "backend b\ntimeout connect 1s\ntimeout server 1s\n%s", lines);
	return load_text(&l, text)->backends->servers;
}

static const char *address_of(const struct server *s)
{
	return atomic_load(&s->target)->text;
}

static void test_a_server_without_a_keyword_has_the_documented_defaults(void **state)
{
	(void)state;
	const struct server *s = servers("server a 192.0.2.1:80\n")[0];
	assert_string_equal(s->name, "a");
	assert_string_equal(address_of(s), "192.0.2.1:80");
	assert_int_equal(s->weight_config, 1);
	assert_int_equal(s->inter_ms, 2000);
	assert_int_equal(s->fastinter_ms, 0);
	assert_int_equal(s->rise, 2);
	assert_int_equal(s->fall, 3);
	assert_int_equal(s->maxconn, 0);
	assert_int_equal(s->pool_max_conn, UINT32_MAX);
	assert_int_equal(s->pool_purge_delay_ms, 5000);
	assert_false(s->check_enabled || s->backup || s->disabled_config || s->has_port_offset || s->has_check_port);
	assert_int_equal(s->source.len, 0);
	assert_int_equal(s->check_addr.len, 0);
}

static void test_all_keywords_reach_the_server(void **state)
{
	(void)state;
	const struct server *s = servers(
		"server a 192.0.2.1:80 weight 256 check inter 1s fastinter 2s downinter 3s rise 4 fall 5 port 81 "
		"addr 192.0.2.9 backup disabled maxconn 6 minconn 5 maxqueue 7 id 9 pool-max-conn 11 "
		"pool-purge-delay 12s source 192.0.2.8:1000 interface lo\n")[0];
	assert_int_equal(s->weight_config, 256);
	assert_true(s->check_enabled && s->backup && s->disabled_config && s->has_check_port);
	assert_int_equal(s->inter_ms, 1000);
	assert_int_equal(s->fastinter_ms, 2000);
	assert_int_equal(s->downinter_ms, 3000);
	assert_int_equal(s->rise, 4);
	assert_int_equal(s->fall, 5);
	assert_int_equal(s->check_port, 81);
	assert_int_equal(s->check_addr.sa.sa_family, AF_INET);
	assert_int_equal(s->maxconn, 6);
	assert_int_equal(s->minconn, 5);
	assert_int_equal(s->maxqueue, 7);
	assert_int_equal(s->id, 9);
	assert_int_equal(s->pool_max_conn, 11);
	assert_int_equal(s->pool_purge_delay_ms, 12000);
	assert_int_equal(addr_port(&s->source.ip), 1000);
	assert_string_equal(s->source_interface, "lo");
}

static void test_default_server_is_for_those_behind_it(void **state)
{
	(void)state;
	struct server **s =
		servers("server a 192.0.2.1:80\ndefault-server weight 3 check backup disabled\n"
			"server b 192.0.2.1:80\nserver c 192.0.2.1:80 weight 4 no-check no-backup enabled\n");
	assert_int_equal(s[0]->weight_config, 1);
	assert_int_equal(s[1]->weight_config, 3);
	assert_true(s[1]->check_enabled && s[1]->backup && s[1]->disabled_config);
	assert_int_equal(s[2]->weight_config, 4);
	assert_false(s[2]->check_enabled || s[2]->backup || s[2]->disabled_config);
}

static void test_default_server_of_defaults_is_inherited(void **state)
{
	(void)state;
	load_text(&l, "defaults\ntimeout connect 1s\ntimeout server 1s\ndefault-server inter 9s\nbackend b\n"
		      "server a 192.0.2.1:80\n");
	assert_int_equal(l.graph->backends->servers[0]->inter_ms, 9000);
}

static void test_ids_step_over_chosen_ones(void **state)
{
	(void)state;
	struct server **s = servers("server a 192.0.2.1:80\nserver b 192.0.2.1:80 id 3\nserver c 192.0.2.1:80\n"
				    "server d 192.0.2.1:80 id 9\nserver e 192.0.2.1:80\n");
	assert_int_equal(s[0]->id, 1);
	assert_int_equal(s[1]->id, 3);
	assert_int_equal(s[2]->id, 4);
	assert_true(s[1]->id_forced && !s[0]->id_forced);
	assert_int_equal(s[3]->id, 9);
	assert_int_equal(s[4]->id, 6);
}

static void test_without_a_port_it_is_the_clients(void **state)
{
	(void)state;
	struct server **s = servers("server a 192.0.2.1\nserver b 192.0.2.1:+100\nserver c 192.0.2.1:-100\n");
	assert_true(s[0]->has_port_offset);
	assert_int_equal(s[0]->port_offset, 0);
	assert_int_equal(s[1]->port_offset, 100);
	assert_int_equal(s[2]->port_offset, -100);
}

static void test_unix_servers_have_no_port_to_miss(void **state)
{
	(void)state;
	struct server **s = servers("server a /run/a.sock check\nserver b abns@b check\n");
	assert_false(s[0]->has_port_offset || s[1]->has_port_offset);
	assert_string_equal(address_of(s[0]), "unix@/run/a.sock");
}

static void test_a_name_is_not_looked_up_where_init_addr_says_none(void **state)
{
	(void)state;
	const struct server *s = servers("server a some.host.invalid:8080 init-addr last,none check\n")[0];
	assert_null(atomic_load(&s->target));
	assert_true(atomic_load(&s->admin) & SERVER_UNRESOLVED);
	assert_string_equal(s->hostname, "some.host.invalid");
	assert_false(s->has_port_offset);
}

static void test_init_addr_gives_an_address_to_start_with(void **state)
{
	(void)state;
	struct server **s = servers("server a some.host.invalid:8080 init-addr 192.0.2.5\n"
				    "server b 192.0.2.7:80 init-addr none\n");
	assert_string_equal(address_of(s[0]), "192.0.2.5:8080");
	assert_string_equal(address_of(s[1]), "192.0.2.7:80");
	assert_int_equal(atomic_load(&s[1]->admin), 0);
}

static void test_a_name_of_this_machine_is_looked_up(void **state)
{
	(void)state;
	const struct server *s = servers("server a localhost:80\n")[0];
	assert_non_null(atomic_load(&s->target));
	assert_string_equal(s->hostname, "localhost");
}

static void test_no_purge_delay_keeps_no_idle_connection(void **state)
{
	(void)state;
	assert_int_equal(servers("server a 192.0.2.1:80 pool-purge-delay 0\n")[0]->pool_max_conn, 0);
}

static void test_pool_max_conn_of_minus_one_is_no_limit(void **state)
{
	(void)state;
	assert_int_equal(servers("server a 192.0.2.1:80 pool-max-conn -1\n")[0]->pool_max_conn, UINT32_MAX);
}

#define T(name) cmocka_unit_test_teardown(name, free_graph)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_server_without_a_keyword_has_the_documented_defaults),
		T(test_all_keywords_reach_the_server),
		T(test_default_server_is_for_those_behind_it),
		T(test_default_server_of_defaults_is_inherited),
		T(test_ids_step_over_chosen_ones),
		T(test_without_a_port_it_is_the_clients),
		T(test_unix_servers_have_no_port_to_miss),
		T(test_a_name_is_not_looked_up_where_init_addr_says_none),
		T(test_init_addr_gives_an_address_to_start_with),
		T(test_a_name_of_this_machine_is_looked_up),
		T(test_no_purge_delay_keeps_no_idle_connection),
		T(test_pool_max_conn_of_minus_one_is_no_limit),
	};

	return cmocka_run_group_tests(tests, register_rows, NULL);
}
