/* Fetches and converters, from the configuration's text to the value; and references between sections. */
#include "../sample/sample_test.h"

#include "ballast/table/reference.h"
#include "ballast/table/register.h"
#include "ballast/table/track.h"

static struct table_loading loading;
static struct table *tables;
static struct tracking tracking;

static int setup(void **state)
{
	world_setup(state);
	tracking = (struct tracking){ 0 };
	world.ctx.now_ms = 1000;
	tables = NULL;
	tables_loading(&loading, &world.config);
	return 0;
}

static int teardown(void **state)
{
	track_end(world.ctx.tracking, 1000);
	tables_give_up(&loading);
	tables_free(tables);
	return world_teardown(state);
}

static int declare(const char *section, const char *words)
{
	struct line l = line_of(arena_printf(&world.config, "stick-table %s", words).ptr);

	tables_at(section, &l.words[0].at);
	return table_parse(&loading, &l, &world.diag);
}

/* In section "web". */
static struct expr *compile(const char *text)
{
	struct token t = token_of(arena_strdup(&world.config, text));

	tables_at("web", &t.at);
	return expr_parse_token(&t, world.ctx.phase, &world.config, &world.diag);
}

static void resolve(void)
{
	assert_int_equal(tables_resolve(&loading, &tables, &world.diag), 0);
}

static const char *value(struct expr *e)
{
	struct sample s;

	assert_non_null(e);
	return expr_eval(e, &world.ctx, SAMPLE_STR, &s) ? keep_text(s.str) : "(none)";
}

static struct table *named(const char *name)
{
	return tables_find(tables, slice_from_str(name));
}

static void put(const char *table, const char *key, enum table_data d, uint64_t n)
{
	struct table *t = named(table);
	struct slice k;

	assert_int_equal(table_key_of_text(t, key, &world.exchange, &k), 0);
	struct table_entry *e = table_get(t, k, world.ctx.now_ms);
	table_set(t, e, d, n, world.ctx.now_ms);
	table_unlock(t, e);
}

static void follow(const char *table, const char *key)
{
	struct slice k;

	assert_int_equal(table_key_of_text(named(table), key, &world.exchange, &k), 0);
	assert_true(track_start(&tracking, 1, named(table), k, TRACK_REQUEST | TRACK_ERROR, 1000));
	world.ctx.tracking = &tracking;
}

static void test_src_looks_up_the_clients_address(void **state)
{
	(void)state;
	declare("web", "type ip size 10 store gpc0,gpt0");
	struct expr *own = compile("src_get_gpc0"), *other = compile("src_get_gpc0(app)"),
		    *no = compile("src_conn_cnt");
	declare("app", "type ipv6 size 10 store gpc0");
	resolve();
	assert_string_equal(value(own), "0");
	put("web", "192.0.2.7", DATA_GPC0, 5);
	put("app", "::ffff:192.0.2.7", DATA_GPC0, 6);
	assert_string_equal(value(own), "5");
	assert_string_equal(value(other), "6");
	assert_string_equal(value(no), "(none)");
	set_source("2001:db8::1", 1);
	assert_string_equal(value(own), "(none)"); /* no key of a table of IPv4 */
	world.src.family = AF_UNSPEC;
	assert_string_equal(value(other), "(none)");
}

static void test_converters_take_any_key(void **state)
{
	(void)state;
	declare("web", "type string len 4 size 10 expire 1s store http_req_cnt,gpc0");
	struct expr *cut = compile("str(abcdef),table_http_req_cnt"), *there = compile("str(abcd),in_table"),
		    *absent = compile("str(x),in_table(web)"), *none = compile("str(),table_http_req_cnt"),
		    *inc = compile("str(new),table_inc_gpc0(web)"), *left = compile("str(abcd),table_expire"),
		    *idle = compile("str(abcd),table_idle"), *fallback = compile("str(x),table_expire(web,9)"),
		    *gone = compile("str(x),table_idle"), *count = compile("table_cnt"),
		    *room = compile("table_avl(web)");
	resolve();
	put("web", "abcd", DATA_HTTP_REQ_CNT, 3);
	assert_string_equal(value(cut), "3");
	assert_string_equal(value(there), "1");
	assert_string_equal(value(absent), "0");
	assert_string_equal(value(none), "(none)");
	assert_string_equal(value(inc), "1");
	assert_string_equal(value(inc), "2");
	assert_string_equal(value(count), "2");
	assert_string_equal(value(room), "8");
	world.ctx.now_ms = 1400;
	assert_string_equal(value(left), "600");
	assert_string_equal(value(idle), "400");
	assert_string_equal(value(fallback), "9");
	assert_string_equal(value(gone), "(none)");
	world.ctx.now_ms = 2000;
	assert_string_equal(value(there), "0");
	assert_string_equal(value(count), "0");
}

static void test_counters_that_are_followed(void **state)
{
	(void)state;
	declare("web", "type integer size 10 store http_req_cnt,http_err_cnt,conn_cur,bytes_in_cnt,gpc1");
	declare("app", "type integer size 10 store gpc0");
	declare("str", "type string size 10 store gpc0");
	struct expr *all = compile("sc1_http_req_cnt"), *numbered = compile("sc_http_err_cnt(1)"),
		    *idle = compile("sc0_http_req_cnt"), *key = compile("sc1_key"), *cur = compile("sc1_conn_cur"),
		    *kb = compile("sc1_kbytes_in"), *yes = compile("sc_tracked(1)"), *no = compile("sc0_tracked"),
		    *app = compile("sc1_get_gpc0(app)"), *not_app = compile("sc1_tracked(app)"),
		    *str = compile("sc1_get_gpc0(str)"), *inc = compile("sc1_inc_gpc1"),
		    *clear = compile("sc1_clr_gpc1"), *absent = compile("sc1_get_gpt0"), *use = compile("sc1_trackers");
	resolve();
	assert_string_equal(value(all), "(none)");
	follow("web", "7");
	put("app", "7", DATA_GPC0, 44);
	track_count(&tracking, DATA_BYTES_IN_CNT, DATA_BYTES_IN_RATE, 5000, 1000);
	assert_string_equal(value(all), "1");
	assert_string_equal(value(numbered), "1");
	assert_string_equal(value(idle), "(none)");
	assert_string_equal(value(key), "7");
	assert_string_equal(value(cur), "1");
	assert_string_equal(value(use), "1");
	assert_string_equal(value(kb), "4");
	assert_string_equal(value(yes), "1");
	assert_string_equal(value(no), "0");
	assert_string_equal(value(app), "44");
	assert_string_equal(value(not_app), "0");
	assert_string_equal(value(str), "(none)");
	assert_string_equal(value(inc), "1");
	assert_string_equal(value(inc), "2");
	assert_string_equal(value(clear), "2");
	assert_string_equal(value(clear), "0");
	assert_string_equal(value(absent), "(none)");
}

static void test_first_tracking_of_a_slot_counts(void **state)
{
	(void)state;
	declare("web", "type integer size 10 store conn_cnt,conn_cur");
	struct expr *key = compile("sc1_key"), *first = compile("int(1),table_conn_cur"),
		    *second = compile("int(2),in_table");
	resolve();
	follow("web", "1");
	follow("web", "2");
	assert_string_equal(value(key), "1");
	assert_string_equal(value(second), "0");
	track_end(&tracking, 1000);
	assert_string_equal(value(first), "0");
	assert_string_equal(value(key), "(none)");
}

static void test_current_connections_do_not_fall_below_zero(void **state)
{
	(void)state;
	declare("web", "type integer size 10 store conn_cur");
	struct expr *cur = compile("int(1),table_conn_cur");
	resolve();
	follow("web", "1");
	put("web", "1", DATA_CONN_CUR, 0);
	track_end(&tracking, 1000);
	assert_string_equal(value(cur), "0");
}

static void test_server_id_is_stored_where_it_is_asked_for(void **state)
{
	(void)state;
	declare("web", "type integer size 10");
	declare("app", "type integer size 10");
	assert_non_null(compile("int(1),table_server_id"));
	resolve();
	assert_true(table_stores(named("web"), DATA_SERVER_ID));
	assert_false(table_stores(named("app"), DATA_SERVER_ID));
}

static void refuse(const char *text, const char *message)
{
	assert_null(compile(text));
	assert_non_null(strstr(first_message(), message));
	forget_messages();
}

static void test_faults_in_arguments(void **state)
{
	(void)state;
	declare("web", "type ip size 10 store gpc0");
	refuse("sc_get_gpc0", "needs arguments");
	refuse("sc_get_gpc0(3)", "takes a counter from 0 to 2");
	refuse("sc0_get_gpc0(web,1)", "too many arguments");
	refuse("str(a),table_expire(web,b)", "expects a whole number");
	refuse("sc_get_gpc(0,0)", "not supported by Ballast (yet)");
	refuse("sc0_get_gpcx", "unknown fetch");
	resolve();
	refuse("src_get_gpc0", "in a configuration only"); /* nothing is loaded any more */
}

static void test_unknown_tables_are_named(void **state)
{
	(void)state;
	declare("clients", "type ip size 10 store gpc0");
	assert_non_null(compile("src_get_gpc0(client)"));
	assert_int_equal(tables_resolve(&loading, &tables, &world.diag), -EINVAL);
	assert_string_equal(first_message(), "no section 'client' with a stick-table");
	assert_string_equal(world.diag.first->hint, "did you mean 'clients'?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_src_looks_up_the_clients_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_converters_take_any_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counters_that_are_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_tracking_of_a_slot_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_current_connections_do_not_fall_below_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(test_server_id_is_stored_where_it_is_asked_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faults_in_arguments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_tables_are_named, setup, teardown),
	};
	return table_register() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
