/* The one call that makes the room's actions, fetches and log variables known. */
#include "ballast/proxy/register.h"

#include "action.h"
#include "ballast/proxy/log.h"
#include "fetch.h"

static const struct {
	const struct fetch_row *rows;
	const unsigned *count;
} fetches[] = {
	{ proxy_fetch_rows, &proxy_fetch_count },
	{ tls_fetch_rows, &tls_fetch_count },
	{ body_fetch_rows, &body_fetch_count },
	{ capture_fetch_rows, &capture_fetch_count },
	{ named_fetch_rows, &named_fetch_count },
	{ exchange_fetch_rows, &exchange_fetch_count },
};

int proxy_register(void)
{
	int rc = 0;

	server_set_ender(exchange_end_on_server);
	rules_register(connection_action_rows, connection_action_count);
	rules_register(address_action_rows, address_action_count);
	rules_register(capture_action_rows, capture_action_count);
	rules_register(flow_action_rows, flow_action_count);
	rules_register(header_action_rows, header_action_count);
	rules_register(hint_action_rows, hint_action_count);
	rules_register(map_action_rows, map_action_count);
	rules_register(status_action_rows, status_action_count);
	rules_register(uri_action_rows, uri_action_count);
	rules_register(replace_action_rows, replace_action_count);
	rules_register(return_action_rows, return_action_count);
	rules_register(redirect_action_rows, redirect_action_count);
	rules_register(service_action_rows, service_action_count);
	rules_register(var_action_rows, var_action_count);
	rules_register(track_action_rows, track_action_count);
	rules_register(body_action_rows, body_action_count);
	for (size_t i = 0; !rc && i < sizeof fetches / sizeof *fetches; i++)
		rc = sample_register_fetches(fetches[i].rows, *fetches[i].count);
	if (!rc)
		rc = sample_register_converters(named_converter_rows, named_converter_count);
	if (!rc)
		rc = sample_register_converters(capture_converter_rows, capture_converter_count);
	return rc ? rc : exchange_log_register();
}
