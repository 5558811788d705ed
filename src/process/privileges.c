/* privileges: what was needed to bind is given up, in an order in which each step is still allowed. */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ballast/base/poison.h"
#include "process.h"

static int fail(const char *what, const char *argument)
{
	int err = -errno;

	say(SAY_ALERT, "cannot %s%s%s: %s.", what, *argument ? " " : "", argument, strerror(errno));
	return err;
}

static int enter_chroot(const char *dir)
{
	tzset(); /* its file is out of reach from now on */
	if (chroot(dir) < 0)
		return fail("chroot to", dir);
	return chdir("/") < 0 ? fail("change to / of", dir) : 0;
}

static int drop_groups(const struct global_settings *g)
{
	if (getgroups(0, NULL) > 0 && setgroups(0, NULL) < 0) {
		if (geteuid() == 0)
			return fail("drop supplementary groups", "");
		say(SAY_WARNING, "cannot drop supplementary groups: %s; `group` is of little use without `user`.",
			strerror(errno));
	}
	return g->gid != (gid_t)-1 && setgid(g->gid) < 0 ? fail("set the group", "") : 0;
}

/* Those that a file's capabilities or an ambient set gave: an unprivileged worker keeps none. */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof none);
	return syscall(SYS_capset, &head, none) < 0 ? fail("drop capabilities", "") : 0;
}

static int drop_user(uid_t uid)
{
	if (uid != (uid_t)-1 && setuid(uid) < 0)
		return fail("set the user", "");
	if (uid != (uid_t)-1 && uid != 0 && setuid(0) == 0) {
		say(SAY_ALERT, "root's rights came back after they were given up.");
		return -EPERM;
	}
	return geteuid() != 0 ? drop_capabilities() : 0;
}

int privileges_drop(const struct global_settings *g)
{
	int err = g->chroot ? enter_chroot(g->chroot) : 0;

	if (!err && (g->gid != (gid_t)-1 || g->uid != (uid_t)-1))
		err = drop_groups(g);
	if (!err)
		err = drop_user(g->uid);
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		err = fail("give up set-user-id programs", "");
	return err;
}

void privileges_forbid_fork(void)
{
	struct rlimit none = { 0, 0 };

	if (!BL_ASAN) /* whose leak check runs in a process of its own */
		setrlimit(RLIMIT_NPROC, &none);
}
