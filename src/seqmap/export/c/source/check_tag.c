/* Answers texts from standard input, each behind its size (4 bytes, little end first): a line of
   start,end,type,probability each, with the probabilities of intents in front. At the end: seconds, bytes of the
   state, cycles (of the fastest of three answers to each text). */
#include "@p@.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static @p@_state state;
static @p@_span spans[1 << 16];

/* Cycles of the processor's own clock; 0 where it has none that a program may read. */
static unsigned long long ticks(void)
{
#if defined(__x86_64__) || defined(__i386__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

int main(void)
{
    unsigned char head[4];
    clock_t used = 0;
    unsigned long long cycles = 0;

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
        unsigned long long least = (unsigned long long)-1;
        for (int k = 0; k < 3; k++) {
            const unsigned long long start = ticks();
            @p@_tag(&state, text, size, spans, 1 << 16);
            const unsigned long long took = ticks() - start;
            least = took < least ? took : least;
        }
        cycles += least;
#if @P@_INTENTS
        float intents[@P@_INTENTS];
        if (@p@_intent(&state, intents) < 0)
            return 2;
        for (int k = 0; k < @P@_INTENTS; k++)
            printf("%.9g ", (double)intents[k]);
#endif
        for (int k = 0; k < count; k++)
            printf("%lu,%lu,%d,%.9g ", (unsigned long)spans[k].start, (unsigned long)spans[k].end,
                   spans[k].type, (double)spans[k].probability);
        putchar('\n');
        free(text);
    }
    printf("%.6f %lu %llu\n", (double)used / CLOCKS_PER_SEC, (unsigned long)sizeof state, cycles);
    return 0;
}
