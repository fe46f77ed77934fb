/* A classifier exported by seqmap on a bare Cortex-M3: no operating system, no heap. It answers the
   lines of texts.h and prints, through the debugger (semihosting), the number of the best label and
   the probabilities in millionths; at the end what it needs: instructions a symbol (QEMU runs one in
   a nanosecond of its own time, and the system's timer counts these), and bytes of the state. */
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

/* The system's timer counts down 24 bits; this is how far it came since the last call. */
static unsigned elapsed(void)
{
    static unsigned last = 0xffffff;
    const unsigned now = *(volatile unsigned *)0xe000e018u;
    const unsigned gone = (last - now) & 0xffffff;

    last = now;
    return gone;
}

/* A million turns of two instructions: how many instructions a tick of the timer is. */
static unsigned instructions_per_1000_ticks(void)
{
    unsigned turns = 1000000;

    elapsed();
    __asm__ volatile("1: subs %0, #1\n bne 1b" : "+r"(turns) : : "cc");
    return 2000000000u / elapsed();
}

static void run(void)
{
    unsigned long long ticks = 0, symbols = 0;

    *(volatile unsigned *)0xe000e014u = 0xffffff;
    *(volatile unsigned *)0xe000e018u = 0;
    *(volatile unsigned *)0xe000e010u = 5; /* on, from the processor's clock, without interrupts */
    const unsigned rate = instructions_per_1000_ticks();

    float probabilities[CLASSES];

    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        elapsed();
        const int best = NAME(MODEL, _classify)(&state, texts[k], strlen(texts[k]), probabilities);
        ticks += elapsed();
        symbols += state.count;
        print_number((unsigned)best);
        for (int c = 0; c < CLASSES; c++)
            print_number((unsigned)(probabilities[c] * 1e6f + 0.5f));
        print("\n");
    }
    print("instructions a symbol: ");
    print_number(symbols ? (unsigned)(ticks * rate / 1000 / symbols) : 0);
    print("\nbytes of the state: ");
    print_number(sizeof state);
    print("\n");
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
