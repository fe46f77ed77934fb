/* A classifier exported by seqmap on a bare Cortex-M3: no operating system, no heap. It answers the
   lines of texts.h and prints, through the debugger (semihosting), the number of the best label and
   the probabilities in millionths. */
#include MODEL_HEADER
#include <string.h>
#include "texts.h"

#define JOIN(a, b) a##b
#define NAME(a, b) JOIN(a, b)
#define CLASSES NAME(MODEL_UPPER, _CLASSES)

extern unsigned char data_begin[], data_end[], data_stored[], bss_begin[], bss_end[], stack_top[];

static NAME(MODEL, _state) state;

static int host(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;

    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void print(const char *text) { host(0x04, text); }

static void print_number(unsigned number)
{
    char digits[12];
    int at = sizeof digits - 1;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    print(digits + at);
    print(" ");
}

static void run(void)
{
    float probabilities[CLASSES];

    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        const int best = NAME(MODEL, _classify)(&state, texts[k], strlen(texts[k]), probabilities);
        print_number((unsigned)best);
        for (int c = 0; c < CLASSES; c++)
            print_number((unsigned)(probabilities[c] * 1e6f + 0.5f));
        print("\n");
    }
}

void reset(void)
{
    static const unsigned leave[2] = {0x20026, 0}; /* ADP_Stopped_ApplicationExit */

    memcpy(data_begin, data_stored, (size_t)(data_end - data_begin));
    memset(bss_begin, 0, (size_t)(bss_end - bss_begin));
    run();
    host(0x20, leave);
    for (;;) {
    }
}

static void fault(void)
{
    print("fault\n");
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top, (void *)reset, (void *)fault, (void *)fault, (void *)fault, (void *)fault, (void *)fault};
