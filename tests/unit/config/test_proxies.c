/* Frontends, backends and listens as the graph has them: settings, inheritance, what refers to what. */
#include "load_text.h"

#include "ballast/balance/hash_key.h"
#include "ballast/balance/pick.h"
#include "ballast/sample/expr.h"
#include "ballast/net/listener.h"
#include "ballast/server/check.h"

static struct loaded l;

#define TIMEOUTS "timeout client 1s\ntimeout connect 1s\ntimeout server 1s\n"

static int free_graph(void **state)
{
	(void)state;
	loaded_free(&l);
	return 0;
}

static struct frontend *front(const char *name)
{
	struct frontend *f = l.graph->frontends;

	while (f && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

static struct backend *back(const char *name)
{
	return graph_find_backend(l.graph, slice_from_str(name));
}

/* --- settings --- */

static void test_all_timeouts_reach_their_side(void **state)
{
	(void)state;
	load_text(&l,
		"listen l\nmode http\nbind :80\ntimeout client 1s\ntimeout client-fin 2s\ntimeout http-request 3s\n"
		"timeout http-keep-alive 4s\ntimeout tunnel 5s\ntimeout connect 6s\ntimeout server 7s\n"
		"timeout server-fin 8s\ntimeout queue 9s\ntimeout check 10s\n");
	const struct frontend_settings *f = &front("l")->set;
	const struct backend_settings *b = &back("l")->set;
	assert_int_equal(f->timeout_client_ms, 1000);
	assert_int_equal(f->timeout_client_fin_ms, 2000);
	assert_int_equal(f->timeout_http_request_ms, 3000);
	assert_true(f->has_timeout_http_request);
	assert_int_equal(f->timeout_http_keep_alive_ms, 4000);
	assert_true(f->has_timeout_http_keep_alive);
	assert_int_equal(f->timeout_tunnel_ms, 5000);
	assert_int_equal(b->timeout_tunnel_ms, 5000);
	assert_int_equal(b->timeout_connect_ms, 6000);
	assert_int_equal(b->timeout_server_ms, 7000);
	assert_int_equal(b->timeout_server_fin_ms, 8000);
	assert_int_equal(b->timeout_queue_ms, 9000);
	assert_int_equal(b->timeout_check_ms, 10000);
}

static void test_a_backend_without_a_word_has_the_documented_defaults(void **state)
{
	(void)state;
	load_text(&l, "backend b\n");
	const struct backend *b = back("b");
	assert_int_equal(b->mode, MODE_TCP);
	assert_string_equal(b->algorithm->name, "roundrobin");
	assert_int_equal(b->set.retries, 3);
	assert_false(b->set.redispatch);
	assert_int_equal(b->set.reuse, REUSE_SAFE);
	assert_int_equal(b->set.connection, CONNECTION_KEEP_ALIVE);
	assert_int_equal(b->set.source.len, 0);
	assert_int_equal(b->set.source.fd, -1);
	assert_null(b->checks.http);
}

static void test_options_are_switched_on(void **state)
{
	(void)state;
	load_text(&l,
		"listen l\nmode http\nbind :80\n" TIMEOUTS
		"option abortonclose\noption allbackups\noption dontlognull\noption dontlog-normal\noption logasap\n"
		"option http-no-delay\noption nolinger\noption splice-auto\noption splice-request\n"
		"option splice-response\noption tcpka\noption prefer-last-server\noption log-health-checks\n");
	const struct frontend_settings *f = &front("l")->set;
	const struct backend_settings *b = &back("l")->set;
	assert_true(b->abort_on_close && b->all_backups && b->http_no_delay && b->no_linger && b->splice_auto &&
		    b->splice_request && b->splice_response && b->tcp_keepalive_server && b->prefer_last_server &&
		    b->log_health_checks);
	assert_true(f->dontlog_null && f->dontlog_normal && f->log_asap && f->http_no_delay && f->no_linger &&
		    f->splice_auto && f->splice_request && f->splice_response && f->tcp_keepalive_client);
}

static void test_options_of_defaults_are_switched_off_again(void **state)
{
	(void)state;
	load_text(&l,
		"defaults\nmode http\n" TIMEOUTS
		"option tcpka\noption nolinger\noption redispatch 3\noption forwardfor\noption httpclose\n"
		"backend b\nno option tcpka\ndefault option nolinger\nno option redispatch\nno option forwardfor\n"
		"no option httpclose\nbackend c\n");
	const struct backend_settings *b = &back("b")->set, *c = &back("c")->set;
	assert_false(b->tcp_keepalive_server || b->no_linger || b->redispatch || b->forwardfor.on);
	assert_int_equal(b->connection, CONNECTION_KEEP_ALIVE);
	assert_true(c->tcp_keepalive_server && c->no_linger && c->redispatch && c->forwardfor.on);
	assert_int_equal(c->redispatch_interval, 3);
	assert_int_equal(c->connection, CONNECTION_CLOSE);
}

static void test_the_last_connection_mode_holds(void **state)
{
	(void)state;
	load_text(&l, "backend b\noption httpclose\noption http-server-close\nno option httpclose\n");
	assert_int_equal(back("b")->set.connection, CONNECTION_SERVER_CLOSE);
}

static void test_redispatch_without_a_number_is_at_the_last_retry(void **state)
{
	(void)state;
	load_text(&l,
		"backend b\noption redispatch\nbackend c\noption redispatch 0\nbackend d\noption redispatch -2\n");
	assert_int_equal(back("b")->set.redispatch_interval, -1);
	assert_true(back("b")->set.redispatch);
	assert_false(back("c")->set.redispatch);
	assert_int_equal(back("d")->set.redispatch_interval, -2);
}

static void test_forwardfor_begins_anew_with_each_line(void **state)
{
	(void)state;
	load_text(&l, "defaults\nmode http\noption forwardfor except 10.0.0.0/8 header X-Client if-none\nbackend b\n"
		      "backend c\noption forwardfor\n");
	const struct forwardfor *f = &back("b")->set.forwardfor;
	assert_true(f->on && f->has_except && f->if_none);
	assert_int_equal(f->except.bits, 8);
	assert_string_equal(f->header, "X-Client");
	f = &back("c")->set.forwardfor;
	assert_true(f->on && !f->has_except && !f->if_none);
	assert_string_equal(f->header, "X-Forwarded-For");
}

static void test_balance_and_its_parameters(void **state)
{
	(void)state;
	load_text(&l, "defaults\nmode http\nbackend a\nbalance random(3)\nbackend b\nbalance source\n"
		      "hash-type map-based crc32 avalanche\nbackend c\nbalance uri len 12 depth 3 whole\n");
	assert_string_equal(back("a")->algorithm->name, "random");
	assert_int_equal(back("a")->algorithm_param, 3);
	assert_int_equal(back("a")->hash_key, HASH_NONE);
	assert_int_equal(back("b")->hash_key, HASH_SOURCE);
	assert_int_equal(back("b")->hash_options->function, HASH_FUNCTION_CRC32);
	assert_true(back("b")->hash_options->avalanche);
	assert_int_equal(back("c")->hash_key, HASH_URI);
	assert_int_equal(back("c")->hash_options->uri_len, 12);
	assert_int_equal(back("c")->hash_options->uri_depth, 3);
	assert_true(back("c")->hash_options->uri_whole);
}

static void test_keys_methods_and_fallbacks(void **state)
{
	(void)state;
	load_text(&l, "defaults\nmode http\nhash-type consistent\nhash-balance-factor 150\n"
		      "backend a\nbalance hdr(X-User) use_domain_only fallback leastconn\nhash-type maglev djb2\n"
		      "backend b\nbalance url_param fallback fallback random(3)\n"
		      "backend c\nbalance hash src,ipmask(24)\nhash-type consistent none\n"
		      "backend d\nbalance ewma(500ms)\nbackend e\nbalance uri depth 2 fallback ewma\n");
	assert_int_equal(back("a")->hash_key, HASH_HEADER);
	assert_non_null(back("a")->hash_expr);
	assert_true(back("a")->hash_options->domain_only);
	assert_string_equal(back("a")->hash_options->method->name, "maglev");
	assert_string_equal(back("a")->fallback->name, "leastconn");
	assert_int_equal(back("a")->balance_factor, 150);
	assert_int_equal(back("b")->hash_key, HASH_PARAM);
	assert_true(slice_eq(back("b")->hash_options->param, SLICE("fallback")));
	assert_string_equal(back("b")->hash_options->method->name, "consistent");
	assert_true(back("b")->hash_options->avalanche);
	assert_int_equal(back("b")->fallback_param, 3);
	assert_int_equal(back("c")->hash_key, HASH_EXPR);
	assert_string_equal(expr_fetch_name(back("c")->hash_expr), "src");
	assert_int_equal(back("c")->hash_options->function, HASH_FUNCTION_NONE);
	assert_null(back("c")->fallback);
	assert_int_equal(back("d")->algorithm_param, 500);
	assert_int_equal(back("e")->hash_options->uri_depth, 2);
	assert_string_equal(back("e")->fallback->name, "ewma");
}

static void test_balance_uri_becomes_roundrobin_in_mode_tcp(void **state)
{
	(void)state;
	load_any(&l, "backend b\nmode tcp\nbalance uri\n");
	assert_non_null(l.graph);
	assert_string_equal(back("b")->algorithm->name, "roundrobin");
	assert_int_equal(back("b")->hash_key, HASH_NONE);
}

static void test_source_of_a_backend(void **state)
{
	(void)state;
	load_text(&l, "backend a\nsource 192.0.2.7:1024 interface lo\nbackend b\nsource 0.0.0.0\n");
	assert_int_equal(back("a")->set.source.sa.sa_family, AF_INET);
	assert_int_equal(addr_port(&back("a")->set.source.ip), 1024);
	assert_string_equal(back("a")->set.source_interface, "lo");
	assert_int_equal(back("b")->set.source.len, 0);
}

static void test_http_checks_of_defaults_are_inherited_and_not_shared(void **state)
{
	(void)state;
	load_text(&l, "defaults\noption httpchk GET /d\nbackend a\nhttp-check expect status 204\nbackend b\nbackend c\n"
		      "no option httpchk\n");
	assert_true(slice_eq(back("a")->checks.http->option.uri.text, SLICE("/d")));
	assert_int_equal(back("a")->checks.http->step_count, 2);
	assert_int_equal(back("b")->checks.http->step_count, 1);
	assert_int_equal(back("b")->checks.method, CHECK_HTTP);
	assert_int_equal(back("c")->checks.method, CHECK_CONNECTS);
}

/* --- defaults --- */

static void test_the_last_defaults_section_holds(void **state)
{
	(void)state;
	load_text(&l, "defaults\nretries 1\nbackend a\ndefaults\nfullconn 9\nbackend b\n");
	assert_int_equal(back("a")->set.retries, 1);
	assert_int_equal(back("b")->set.retries, 3);
	assert_int_equal(back("b")->set.fullconn, 9);
}

static void test_defaults_are_taken_by_name_and_from_one_another(void **state)
{
	(void)state;
	load_text(&l, "defaults base\nretries 1\nfullconn 5\ndefaults more from base\nfullconn 6\ndefaults\nretries 7\n"
		      "backend a from base\nbackend b from more\nbackend c\n");
	assert_int_equal(back("a")->set.fullconn, 5);
	assert_int_equal(back("b")->set.retries, 1);
	assert_int_equal(back("b")->set.fullconn, 6);
	assert_int_equal(back("c")->set.retries, 7);
}

static void test_rules_of_defaults_come_first_and_stay_as_they_are(void **state)
{
	(void)state;
	load_text(&l,
		"defaults d\nmode http\nhttp-request set-header X-D d\nbackend a from d\nhttp-request set-header X-A "
		"a\n"
		"backend b from d\nbackend c from d\nhttp-request set-header X-C c\nhttp-request set-header X-C d\n");
	assert_int_equal(back("a")->rules->of[RULES_HTTP_REQUEST]->count, 2);
	assert_int_equal(back("b")->rules->of[RULES_HTTP_REQUEST]->count, 1);
	assert_int_equal(back("c")->rules->of[RULES_HTTP_REQUEST]->count, 3);
	assert_int_equal(back("a")->rules->of[RULES_HTTP_REQUEST]->rule[0].at.line, 3);
	assert_int_equal(back("a")->rules->of[RULES_HTTP_REQUEST]->rule[1].at.line, 5);
	assert_int_equal(back("c")->rules->of[RULES_HTTP_REQUEST]->rule[1].at.line, 8);
}

static void test_log_targets_of_defaults_are_copied(void **state)
{
	(void)state;
	load_text(&l,
		"defaults\nlog 127.0.0.1:1 local0\nbackend a\nlog 127.0.0.1:2 local0\nbackend b\nbackend c\nno log\n");
	assert_false(list_empty(&back("b")->log.list));
	assert_ptr_equal(back("b")->log.list.next, back("b")->log.list.prev);
	assert_ptr_not_equal(back("a")->log.list.next, back("a")->log.list.prev);
	assert_true(list_empty(&back("c")->log.list));
}

/* --- frontends and backends --- */

static void test_a_listen_is_both_with_one_set_of_rules(void **state)
{
	(void)state;
	load_text(&l,
		"listen l\nmode http\nbind :80\n" TIMEOUTS "http-request set-header A b\ndescription some text\n");
	assert_ptr_equal(front("l")->rules, back("l")->rules);
	assert_ptr_equal(front("l")->default_backend, back("l"));
	assert_int_equal(front("l")->id, back("l")->id);
	assert_string_equal(front("l")->description, "some text");
}

static void test_a_listen_with_a_default_backend_goes_there(void **state)
{
	(void)state;
	load_text(&l, "listen l\nbind :80\n" TIMEOUTS "default_backend other\nbackend other\n");
	assert_ptr_equal(front("l")->default_backend, back("other"));
}

static void test_use_backend_is_resolved_whatever_the_order(void **state)
{
	(void)state;
	load_text(&l,
		"frontend f\nmode http\nbind :80\ntimeout client 1s\nacl api path_beg /api\nuse_backend b if api\n"
		"use_backend c\ndefault_backend d\nbackend d\nmode http\nbackend c\nmode http\nbackend b\nmode http\n");
	const struct frontend *f = front("f");
	assert_int_equal(f->use_backend_count, 2);
	assert_ptr_equal(f->use_backends[0].backend, back("b"));
	assert_non_null(f->use_backends[0].cond);
	assert_ptr_equal(f->use_backends[1].backend, back("c"));
	assert_null(f->use_backends[1].cond);
	assert_ptr_equal(f->default_backend, back("d"));
}

static void test_names_of_a_disabled_frontend_are_not_looked_up(void **state)
{
	(void)state;
	load_text(&l, "frontend f\ndisabled\ndefault_backend nowhere\n");
	assert_true(front("f")->disabled);
	assert_null(front("f")->default_backend);
}

static void test_enabled_undoes_disabled_of_defaults(void **state)
{
	(void)state;
	load_text(&l, "defaults\ndisabled\nbackend a\nbackend b\nenabled\n");
	assert_true(back("a")->disabled);
	assert_false(back("b")->disabled);
}

static void test_ids_are_given_as_haproxy_gives_them(void **state)
{
	(void)state;
	load_text(&l,
		"defaults\n" TIMEOUTS "frontend f\nbind :1\nbackend b\nlisten l\nbind :2\nid 3\nfrontend g\nbind :3\n"
		"disabled\nbackend h\n");
	assert_int_equal(front("f")->id, 2);
	assert_int_equal(back("b")->id, 4);
	assert_int_equal(front("l")->id, 3);
	assert_int_equal(back("h")->id, 7);
	assert_true(back("l")->id_forced && !back("b")->id_forced);
}

static void test_a_section_ends_with_its_file(void **state)
{
	(void)state;
	static const char *const texts[] = { "backend a\n", "retries 1\n" };
	char path[2][32] = { "/tmp/ballast-two-XXXXXX", "/tmp/ballast-two-XXXXXX" };

	diag_init(&l.diag);
	config_env_init(&l.env, NULL);
	config_source_init(&l.src, &l.env);
	for (int i = 0; i < 2; i++) {
		int fd = mkstemp(path[i]);
		assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
		close(fd);
		config_source_add(&l.src, path[i]);
	}
	l.graph = graph_load(&l.src, &l.diag);
	unlink(path[0]);
	unlink(path[1]);
	assert_null(l.graph);
	assert_int_equal(l.diag.count[DIAG_ALERT], 1);
	assert_string_equal(l.diag.first->text, "'retries' stands before any section");
}

/* --- binds --- */

static void test_each_address_and_port_is_a_listener(void **state)
{
	(void)state;
	load_text(&l,
		"frontend f\ntimeout client 1s\nbind 127.0.0.1:81-83,[::1]:80 name web maxconn 7 backlog 9 tfo v6only\n"
		"bind unix@/tmp/x.sock mode 660 user root group root\nbind abns@abc\nbind fd@7\nbind *:90\n");
	struct listener *const *all = front("f")->listeners;
	char text[ADDR_TEXT_MAX];
	assert_int_equal(front("f")->listener_count, 8);
	assert_int_equal(addr_port(&all[0]->at.ip), 81);
	assert_int_equal(addr_port(&all[2]->at.ip), 83);
	assert_true(slice_eq(endpoint_text(&all[3]->at, text), SLICE("[::1]:80")));
	assert_string_equal(all[3]->name, "web");
	assert_int_equal(all[3]->maxconn, 7);
	assert_int_equal(all[3]->options.backlog, 9);
	assert_true(all[3]->options.tfo && all[3]->options.v6only && !all[3]->options.v4v6);
	assert_int_equal(all[4]->options.mode, 0660);
	assert_true(all[4]->options.has_mode);
	assert_int_equal(all[4]->options.uid, 0);
	assert_int_equal(all[5]->options.uid, (uid_t)-1);
	assert_int_equal(all[6]->at.fd, 7);
	assert_int_equal(all[7]->id, 8);
	assert_ptr_equal(all[7]->owner, front("f"));
}

static void test_shards_by_thread_is_one_socket_a_thread(void **state)
{
	(void)state;
	load_text(&l,
		"frontend f\ntimeout client 1s\nbind :1 shards by-thread\nbind :2 shards by-group\nbind :3 shards 4\n");
	assert_int_equal(front("f")->listeners[0]->options.shards, 0);
	assert_int_equal(front("f")->listeners[1]->options.shards, 1);
	assert_int_equal(front("f")->listeners[2]->options.shards, 4);
}

/* --- logs --- */

static void test_the_log_option_is_compiled_for_the_mode(void **state)
{
	(void)state;
	load_text(&l,
		"defaults\nlog 127.0.0.1:514 local0\n" TIMEOUTS "frontend a\nmode http\nbind :1\noption httplog\n"
		"frontend b\nbind :2\noption tcplog\nfrontend c\nbind :3\nlog-format \"%ci\"\nfrontend d\nbind :4\n");
	assert_non_null(front("a")->set.log_format);
	assert_non_null(strstr(front("a")->set.log_format_text, "%{+Q}r"));
	assert_null(strstr(front("b")->set.log_format_text, "%{+Q}r"));
	assert_string_equal(front("c")->set.log_format_text, "%ci");
	assert_null(front("d")->set.log_format);
}

/* --- fullconn --- */

static void test_fullconn_is_a_tenth_of_what_frontends_let_in(void **state)
{
	(void)state;
	load_text(&l, "defaults\n" TIMEOUTS "frontend a\nbind :1\nmaxconn 500\ndefault_backend x\nfrontend b\nbind :2\n"
		      "default_backend x\nbackend x\nbackend y\nfullconn 3\nbackend z\n");
	graph_set_maxconn(l.graph, 2000);
	assert_int_equal(back("x")->set.fullconn, 250);
	assert_int_equal(back("y")->set.fullconn, 3);
	assert_int_equal(back("z")->set.fullconn, 1);
	assert_int_equal(l.graph->global.maxconn, 2000);
}

#define T(name) cmocka_unit_test_teardown(name, free_graph)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_all_timeouts_reach_their_side),
		T(test_a_backend_without_a_word_has_the_documented_defaults),
		T(test_options_are_switched_on),
		T(test_options_of_defaults_are_switched_off_again),
		T(test_the_last_connection_mode_holds),
		T(test_redispatch_without_a_number_is_at_the_last_retry),
		T(test_forwardfor_begins_anew_with_each_line),
		T(test_balance_and_its_parameters),
		T(test_keys_methods_and_fallbacks),
		T(test_balance_uri_becomes_roundrobin_in_mode_tcp),
		T(test_source_of_a_backend),
		T(test_http_checks_of_defaults_are_inherited_and_not_shared),
		T(test_the_last_defaults_section_holds),
		T(test_defaults_are_taken_by_name_and_from_one_another),
		T(test_rules_of_defaults_come_first_and_stay_as_they_are),
		T(test_log_targets_of_defaults_are_copied),
		T(test_a_listen_is_both_with_one_set_of_rules),
		T(test_a_listen_with_a_default_backend_goes_there),
		T(test_use_backend_is_resolved_whatever_the_order),
		T(test_names_of_a_disabled_frontend_are_not_looked_up),
		T(test_enabled_undoes_disabled_of_defaults),
		T(test_ids_are_given_as_haproxy_gives_them),
		T(test_a_section_ends_with_its_file),
		T(test_each_address_and_port_is_a_listener),
		T(test_shards_by_thread_is_one_socket_a_thread),
		T(test_the_log_option_is_compiled_for_the_mode),
		T(test_fullconn_is_a_tenth_of_what_frontends_let_in),
	};

	return cmocka_run_group_tests(tests, register_rows, NULL);
}
