/* Answers texts from standard input, each behind its size (4 bytes, little end first): a line of
   start,end,type,probability each. At the end: seconds, bytes of the state. */
#include "@p@.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static @p@_state state;
static @p@_span spans[1 << 16];

int main(void)
{
    unsigned char head[4];
    clock_t used = 0;

    memset(&state, 0xa5, sizeof state);
    while (fread(head, 1, 4, stdin) == 4) {
        const size_t size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 |
                            (size_t)head[3] << 24;
        char *const text = malloc(size ? size : 1); /* of its own, so that sanitizers see its end */
        if (!text || fread(text, 1, size, stdin) != size)
            return 1;
        const clock_t begin = clock();
        const int count = @p@_tag(&state, text, size, spans, 1 << 16);
        used += clock() - begin;
        for (int k = 0; k < count; k++)
            printf("%lu,%lu,%d,%.9g ", (unsigned long)spans[k].start, (unsigned long)spans[k].end,
                   spans[k].type, (double)spans[k].probability);
        putchar('\n');
        free(text);
    }
    printf("%.6f %lu\n", (double)used / CLOCKS_PER_SEC, (unsigned long)sizeof state);
    return 0;
}
