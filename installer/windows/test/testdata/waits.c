/* A program that is only looked at: it runs until its input ends. */
#include <stdio.h>

int main(void)
{
	while (getchar() != EOF)
		;
	return 0;
}
