/* `show stat` and `show info`: columns, selection, formats. */
#include <jansson.h>

#include "world.h"

#include "admin/stat.h"

/* The columns up to `type` have been the same for twenty years: tools count them. */
static void test_the_header_begins_as_it_always_did(void **state)
{
	static const char header[] =
		"# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis,"
		"status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,"
		"type,";
	const char *answer = world_ask(*state, LEVEL_ADMIN, "show stat\n");

	assert_memory_equal(answer, header, sizeof header - 1);
	assert_non_null(strstr(answer, ",proto,-,"));
}

static unsigned commas_of_line(const char *line)
{
	unsigned n = 0;

	for (; *line && *line != '\n'; line++)
		n += *line == ',';
	return n;
}

static void test_every_line_has_a_field_for_each_column(void **state)
{
	const char *line = world_ask(*state, LEVEL_ADMIN, "show stat\n");
	unsigned columns = commas_of_line(line), lines = 0;

	for (; *line != '\n'; line = strchr(line, '\n') + 1) {
		assert_int_equal(commas_of_line(line), columns);
		lines++;
	}
	assert_int_equal(lines, 1 + 1 + 2 + 1);
	assert_true(columns > ST_COUNT);
}

/* "a,b;c,d": the first two fields of each line behind the header. */
static void assert_rows(struct world *w, const char *command, const char *expected)
{
	const char *line = strchr(world_ask(w, LEVEL_ADMIN, command), '\n') + 1;
	char out[256] = "";

	for (; *line && *line != '\n'; line = strchr(line, '\n') + 1) {
		const char *end = strchr(strchr(line, ',') + 1, ',');
		if (*out)
			strcat(out, ";");
		strncat(out, line, (size_t)(end - line));
	}
	assert_string_equal(out, expected);
}

static void test_rows_are_selected(void **state)
{
	struct world *w = *state;

	assert_rows(w, "show stat\n", "web,FRONTEND;app,s1;app,s2;app,BACKEND");
	assert_rows(w, "show stat -1 1 -1\n", "web,FRONTEND");
	assert_rows(w, "show stat -1 2 -1\n", "app,BACKEND");
	assert_rows(w, "show stat -1 4 -1\n", "app,s1;app,s2");
	assert_rows(w, "show stat app -1 -1\n", "app,s1;app,s2;app,BACKEND");
	assert_rows(w, "show stat 3 6 -1\n", "app,s1;app,s2;app,BACKEND");
	assert_rows(w, "show stat domain proxy app 4 2\n", "app,s2");
	assert_rows(w, "show stat 9 -1 -1\n", "");
	assert_string_equal(world_ask(w, LEVEL_ADMIN, "show stat nope 4 1\n"), "No such proxy.\n\n");
	assert_string_equal(world_ask(w, LEVEL_ADMIN, "show stat domain x\n"), "Invalid statistics domain.\n\n");
}

static void test_servers_in_maintenance_can_be_left_out(void **state)
{
	struct world *w = *state;

	world_ask(w, LEVEL_ADMIN, "disable server app/s1\n");
	assert_rows(w, "show stat no-maint\n", "web,FRONTEND;app,s2;app,BACKEND");
	world_ask(w, LEVEL_ADMIN, "set server app/s2 health down\n");
	assert_rows(w, "show stat no-maint\n", "web,FRONTEND;app,s2;app,BACKEND");
	assert_rows(w, "show stat up\n", "web,FRONTEND;app,BACKEND");
}

static void test_typed_lines_tell_what_a_value_is(void **state)
{
	struct world *w = *state;
	const char *answer = world_ask(w, LEVEL_ADMIN, "show stat typed\n");

	assert_memory_equal(answer, "F.2.0.0.pxname.1:KNS:str:web\nF.2.0.1.svname.1:KNS:str:FRONTEND\n", 62);
	assert_non_null(strstr(answer, "\nS.3.1.18.weight.1:MaP:u32:10\n"));
	assert_non_null(strstr(answer, "\nS.3.1.19.act.1:SGP:u32:1\n"));
	assert_non_null(strstr(answer, "\nB.3.0.19.act.1:MGP:u32:2\n"));
	assert_non_null(strstr(answer, "\nB.3.0.55.lastsess.1:MAP:s32:-1\n"));
	assert_non_null(strstr(answer, "\nS.3.2.73.addr.1:CGS:str:127.0.0.1:8002\n"));
	answer = world_ask(w, LEVEL_ADMIN, "show stat typed desc\n");
	assert_non_null(strstr(answer, "\nF.2.0.4.scur.1:MGP:u32:0:\"Sessions now\"\n"));
}

static void test_addresses_are_not_for_everybody(void **state)
{
	struct world *w = *state;

	assert_null(strstr(world_ask(w, LEVEL_USER, "show stat\n"), "127.0.0.1"));
	assert_null(strstr(world_ask(w, LEVEL_USER, "show stat\n"), "roundrobin"));
	assert_non_null(strstr(world_ask(w, LEVEL_OPERATOR, "show stat\n"), "127.0.0.1:8001"));
	assert_non_null(strstr(world_ask(w, LEVEL_OPERATOR, "show stat\n"), "roundrobin"));
}

static void test_json_is_json(void **state)
{
	json_t *all = json_loads(world_ask(*state, LEVEL_ADMIN, "show stat json\n"), 0, NULL), *row, *value;
	size_t i, k;

	assert_non_null(all);
	assert_int_equal(json_array_size(all), 4);
	json_array_foreach(all, i, row)
	{
		json_array_foreach(row, k, value)
		{
			assert_true(json_is_string(json_object_get(value, "objType")));
			assert_true(json_is_integer(json_object_get(value, "proxyId")));
			assert_true(json_is_object(json_object_get(value, "tags")));
			assert_int_equal(json_integer_value(json_object_get(value, "processNum")), 1);
			assert_non_null(json_object_get(json_object_get(value, "value"), "value"));
		}
	}
	json_decref(all);
	all = json_loads(world_ask(*state, LEVEL_ADMIN, "show info json\n"), 0, NULL);
	assert_true(json_array_size(all) > 60);
	json_decref(all);
}

static void test_what_was_counted_is_shown(void **state)
{
	struct world *w = *state;
	struct counters *c = &w->graph.backends->counters[0];

	count_session(c, (uint32_t)(loop_self->wall_us / 1000000));
	count_add(c, COUNT_TIMED, 2);
	count_time(c, COUNT_TIME_TOTAL_MS, 10);
	count_time(c, COUNT_TIME_TOTAL_MS, 30);
	count_add(c, COUNT_HTTP_OTHER, 7);
	world_ask(w, LEVEL_ADMIN, "show stat app 2 0 typed\n");
	assert_non_null(strstr(w->text, ".stot.1:MCP:u64:1\n"));
	assert_non_null(strstr(w->text, ".ttime.1:MaP:u32:20\n"));
	assert_non_null(strstr(w->text, ".ttime_max.1:MMP:u32:30\n"));
	assert_non_null(strstr(w->text, ".hrsp_other.1:MCP:u64:7\n"));
	assert_null(strstr(w->text, ".lastsess.1:MAP:s32:-1\n"));
}

static void test_info_has_its_forms(void **state)
{
	struct world *w = *state;

	assert_memory_equal(world_ask(w, LEVEL_USER, "show info typed\n"), "0.Name.1:POS:str:Ballast\n", 25);
	assert_non_null(
		strstr(world_ask(w, LEVEL_USER, "show info desc\n"), "\nVersion: 1.2.3:\"Version of the program\"\n"));
	assert_non_null(strstr(world_ask(w, LEVEL_USER, "show info float\n"), "\nUptime_sec: 0."));
	assert_non_null(strstr(world_ask(w, LEVEL_USER, "show info\n"), "\nUptime_sec: 0\n"));
	assert_non_null(strstr(w->text, "\nMaxconn: 100\n"));
	assert_null(strstr(w->text, "\ndescription:"));
}

static void test_servers_are_listed(void **state)
{
	struct world *w = *state;

	world_ask(w, LEVEL_USER, "show servers state app;show servers conn\n");
	assert_memory_equal(w->text, "1\n# be_id be_name srv_id srv_name srv_addr ", 43);
	assert_non_null(strstr(w->text, "\n3 app 1 s1 127.0.0.1 2 0 10 10 0 1 0 2 0 0 0 0 - 8001 - 0 0 - - 0\n"));
	assert_non_null(strstr(w->text, "\napp/s2 3/2 127.0.0.1 8002 - 5000 0 0 0 0 0 -1 0 0\n"));
	assert_string_equal(world_ask(w, LEVEL_USER, "show servers state nope\n"), "Can't find backend.\n\n");
	assert_string_equal(world_ask(w, LEVEL_USER, "show backend\n"), "# name\napp\n\n");
}

int main(void)
{
#define ADMIN_TEST(f) cmocka_unit_test_setup_teardown(f, world_up, world_down)
	const struct CMUnitTest tests[] = {
		ADMIN_TEST(test_the_header_begins_as_it_always_did),
		ADMIN_TEST(test_every_line_has_a_field_for_each_column),
		ADMIN_TEST(test_rows_are_selected),
		ADMIN_TEST(test_servers_in_maintenance_can_be_left_out),
		ADMIN_TEST(test_typed_lines_tell_what_a_value_is),
		ADMIN_TEST(test_addresses_are_not_for_everybody),
		ADMIN_TEST(test_json_is_json),
		ADMIN_TEST(test_what_was_counted_is_shown),
		ADMIN_TEST(test_info_has_its_forms),
		ADMIN_TEST(test_servers_are_listed),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
