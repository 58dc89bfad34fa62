/* What one core can do with numbers that never leave its registers: the ceiling of a kernel.
 *
 * Chains do not depend on each other, and there are enough of them to hide the latency of four
 * cycles on two pipes. Vectors are as wide as the compiler was told (peers.py says -march=native).
 * The constants are arguments, so that nothing can be computed beforehand.
 */
#if defined(__AVX512F__)
#define BYTES 64
#define NAME "AVX-512"
#elif defined(__AVX2__) && defined(__FMA__)
#define BYTES 32
#define NAME "AVX2"
#else
#define BYTES 16
#define NAME "128-bit vectors"
#endif

typedef double f64 __attribute__((vector_size(BYTES)));
typedef float f32 __attribute__((vector_size(BYTES)));

#define LANES_F64 (BYTES / 8)
#define LANES_F32 (BYTES / 4)
#define PAIRS 7 /* of chains: 14 accumulators and 2 constants fit in the 16 registers of AVX2 */
#define CHAINS 14

const char *
vectors(void)
{
    return NAME;
}

/* n additions and n multiplications of float64, side by side. */
double
add_mul(long n, double term, double factor)
{
    const f64 terms = term - (f64){0}, factors = factor - (f64){0};
    f64 sum[PAIRS], product[PAIRS];

    for (int k = 0; k < PAIRS; k++) {
        sum[k] = product[k] = terms;
    }
    for (long i = 0; i < n / (PAIRS * LANES_F64); i++) {
        for (int k = 0; k < PAIRS; k++) {
            sum[k] += terms;
            product[k] *= factors;
        }
    }
    for (int k = 1; k < PAIRS; k++) {
        sum[0] += sum[k] + product[k];
    }
    return sum[0][0] + product[0][0];
}

/* n multiply-adds of float32: one rounding where the target has FMA, else two instructions. */
float
multiply_add(long n, float term, float factor)
{
    const f32 terms = term - (f32){0}, factors = factor - (f32){0};
    f32 sum[CHAINS];

    for (int k = 0; k < CHAINS; k++) {
        sum[k] = terms;
    }
    for (long i = 0; i < n / (CHAINS * LANES_F32); i++) {
        for (int k = 0; k < CHAINS; k++) {
            sum[k] = sum[k] * factors + terms;
        }
    }
    for (int k = 1; k < CHAINS; k++) {
        sum[0] += sum[k];
    }
    return sum[0][0];
}
