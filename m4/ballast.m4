dnl Macros of Ballast's configure.

dnl BL_MISSING(what, Debian package, RPM package, [more text]): ends configure with what to install.
AC_DEFUN([BL_MISSING], [AC_MSG_ERROR([$1 is missing: install it with
    apt-get install $2     (Debian, Ubuntu)
    dnf install $3     (Fedora, RHEL)$4])])

dnl BL_LIBRARY(NAME, header, library, function, Debian package, RPM package, [more text]):
dnl a library that must be there; sets NAME_LIBS and defines HAVE_NAME.
AC_DEFUN([BL_LIBRARY], [
	AC_CHECK_HEADER([$2], [], [BL_MISSING([$2], [$5], [$6], [$7])])
	AC_CHECK_LIB([$3], [$4], [], [BL_MISSING([lib$3], [$5], [$6], [$7])])
	dnl AC_CHECK_LIB would add it to LIBS for every program; each links what it names instead.
	LIBS=$bl_libs_before
	AC_SUBST([$1][_LIBS], ["-l$3"])
	AC_DEFINE([HAVE_$1], [1], [Built with lib$3.])
])
AC_DEFUN([BL_LIBS_SAVE], [bl_libs_before=$LIBS])

dnl BL_OPTIONAL_LIBRARY(option, NAME, header, library, function, Debian package, RPM package):
dnl --without-option leaves it out; else it must be there.  Sets the automake conditional NAME.
AC_DEFUN([BL_OPTIONAL_LIBRARY], [
	AC_ARG_WITH([$1], [AS_HELP_STRING([--without-$1], [build without lib$4])], [], [with_$1=yes])
	AC_SUBST([$2][_LIBS])
	AS_IF([test "x$with_$1" != xno], [
		BL_LIBRARY([$2], [$3], [$4], [$5], [$6], [$7], [
or configure --without-$1])])
	AM_CONDITIONAL([$2], [test "x$with_$1" != xno])
])

dnl jemalloc takes the place of malloc in the whole program, so it stands first among the libraries.  Sanitizers
dnl bring an allocator of their own.
AC_DEFUN([BL_JEMALLOC], [
	AC_ARG_WITH([jemalloc], [AS_HELP_STRING([--without-jemalloc], [use the allocator of libc])], [], [with_jemalloc=yes])
	AC_SUBST([JEMALLOC_LIBS])
	bl_with_jemalloc=$with_jemalloc
	AS_IF([test "x$bl_sanitizer$bl_fuzzing" != x], [bl_with_jemalloc=no])
	AS_IF([test "x$bl_with_jemalloc" != xno], [
		BL_LIBRARY([JEMALLOC], [jemalloc/jemalloc.h], [jemalloc], [mallctl], [libjemalloc-dev], [jemalloc-devel], [
or configure --without-jemalloc])
		dnl Kept even where the linker would drop what no object of ours names.
		JEMALLOC_LIBS="-Wl,--push-state,--no-as-needed -ljemalloc -Wl,--pop-state"])
])

AC_DEFUN([BL_CMOCKA], [
	bl_have_cmocka=yes
	AC_CHECK_HEADER([cmocka.h], [], [bl_have_cmocka="no (Debian libcmocka-dev, RPM libcmocka-devel)"], [
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
])
	AM_CONDITIONAL([HAVE_CMOCKA], [test "x$bl_have_cmocka" = xyes])
])

dnl --enable-sanitizer=address,undefined or =thread.
AC_DEFUN([BL_ARG_SANITIZER], [
	BL_LIBS_SAVE
	AC_ARG_ENABLE([sanitizer],
		[AS_HELP_STRING([--enable-sanitizer=LIST], [address,undefined or thread; leaves jemalloc out])],
		[AS_CASE([$enableval], [no], [bl_sanitizer=], [yes], [bl_sanitizer=address,undefined], [bl_sanitizer=$enableval])],
		[bl_sanitizer=])
	AC_SUBST([SANITIZER_CFLAGS])
	AS_IF([test "x$bl_sanitizer" != x], [
		SANITIZER_CFLAGS="-fsanitize=$bl_sanitizer -fno-sanitize-recover=all"
		bl_cflags=$CFLAGS
		CFLAGS="$CFLAGS $SANITIZER_CFLAGS"
		AC_MSG_CHECKING([for -fsanitize=$bl_sanitizer])
		AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])], [AC_MSG_RESULT([no])
			BL_MISSING([the run-time library of -fsanitize=$bl_sanitizer],
				[libasan8 libubsan1 libtsan2 (gcc) or libclang-rt-14-dev (clang)],
				[libasan libubsan libtsan (gcc) or compiler-rt (clang)])])
		CFLAGS=$bl_cflags])
])

dnl --enable-fuzzing: only the fuzz targets are of use in such a build; `make fuzz' makes one aside.
AC_DEFUN([BL_ARG_FUZZING], [
	AC_ARG_ENABLE([fuzzing], [AS_HELP_STRING([--enable-fuzzing], [build the fuzz targets with clang's libFuzzer])],
		[AS_IF([test "x$enableval" != xno], [bl_fuzzing=yes], [bl_fuzzing=])], [bl_fuzzing=])
	AC_SUBST([FUZZ_ENGINE])
	AS_IF([test "x$bl_fuzzing" != x], [
		AS_IF([test "x$bl_sanitizer" = x], [bl_sanitizer=address,undefined])
		SANITIZER_CFLAGS="-fsanitize=fuzzer-no-link,$bl_sanitizer -fno-sanitize-recover=all"
		FUZZ_ENGINE="-fsanitize=fuzzer"
		bl_cflags=$CFLAGS bl_libs=$LIBS
		CFLAGS="$CFLAGS $SANITIZER_CFLAGS" LIBS="$FUZZ_ENGINE $LIBS"
		AC_MSG_CHECKING([for libFuzzer])
		AC_LINK_IFELSE([AC_LANG_SOURCE([[#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n) { (void)d; (void)n; return 0; }]])],
			[AC_MSG_RESULT([yes])], [AC_MSG_RESULT([no])
			BL_MISSING([libFuzzer (CC must be clang)], [clang libclang-rt-14-dev], [clang compiler-rt])])
		CFLAGS=$bl_cflags LIBS=$bl_libs])
	AM_CONDITIONAL([FUZZING], [test "x$bl_fuzzing" != x])
])

AC_DEFUN([BL_ARG_WERROR], [
	AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [a warning of the compiler is an error])], [], [enable_werror=no])
])

AC_DEFUN([BL_WARNINGS], [
	WARN_CFLAGS="-Wall -Wextra -Wshadow -Wstrict-prototypes"
	AS_IF([test "x$enable_werror" != xno], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
	AC_SUBST([WARN_CFLAGS])
])

dnl What costs nothing measurable on a request's path: fortified libc calls, a position-independent program, and
dnl relocations that are read-only once loaded.  Stack protectors are left out: they cost in each small function.
AC_DEFUN([BL_HARDENING], [
	AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening], [without _FORTIFY_SOURCE, PIE, relro and now])],
		[], [enable_hardening=yes])
	AC_SUBST([HARDEN_CPPFLAGS])
	AC_SUBST([HARDEN_CFLAGS])
	AC_SUBST([HARDEN_LDFLAGS])
	AS_IF([test "x$enable_hardening" != xno], [
		HARDEN_CFLAGS="-fPIE"
		HARDEN_LDFLAGS="-pie -Wl,-z,relro -Wl,-z,now"
		dnl glibc warns of fortification without optimisation; sanitizers check more by themselves.
		AS_CASE(["$bl_sanitizer:$CFLAGS"], [:*-O@<:@123s@:>@*], [HARDEN_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])])
])
