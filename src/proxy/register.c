/* The one call that makes the room's actions, fetches and log variables known. */
#include "ballast/proxy/register.h"

#include "action.h"
#include "ballast/proxy/log.h"
#include "fetch.h"

int proxy_register(void)
{
	int rc;

	server_set_ender(exchange_end_on_server);
	rules_register(connection_action_rows, connection_action_count);
	rules_register(address_action_rows, address_action_count);
	rules_register(flow_action_rows, flow_action_count);
	rules_register(header_action_rows, header_action_count);
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
	rc = sample_register_fetches(proxy_fetch_rows, proxy_fetch_count);
	if (!rc)
		rc = sample_register_fetches(tls_fetch_rows, tls_fetch_count);
	if (!rc)
		rc = sample_register_fetches(body_fetch_rows, body_fetch_count);
	return rc ? rc : exchange_log_register();
}
