/* main: says which version this is. */
#include "config.h"

#include <stdio.h>

int main(void)
{
	puts("Ballast version " PACKAGE_VERSION);
	return 0;
}
