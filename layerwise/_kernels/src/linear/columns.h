/* Sums over the rows of a matrix. */

#pragma once

#include <string.h>

#include "base/kernel.h"
#include "base/real.h"

#define LW_COLUMNS 64 /* columns a thread takes at a time */

/* sum[j] = sum_i value[i, j]; rows are `apart` numbers from each other. */
LW_LOOP void
LW_(column_sums)(const LW_REAL *restrict value, ptrdiff_t n_rows, ptrdiff_t apart,
    ptrdiff_t n_columns, LW_REAL *restrict sum)
{
    for (ptrdiff_t j = 0; j < n_columns; j++) {
        sum[j] = value[j];
    }
    for (ptrdiff_t i = 1; i < n_rows; i++) {
        LW_SIMD
        for (ptrdiff_t j = 0; j < n_columns; j++) {
            sum[j] += value[i * apart + j];
        }
    }
}

/* The same of value[i, j] * weight[i]. */
LW_LOOP void
LW_(weighted_sums)(const LW_REAL *restrict value, const LW_REAL *restrict weight, ptrdiff_t n_rows,
    ptrdiff_t apart, ptrdiff_t n_columns, LW_REAL *restrict sum)
{
    memset(sum, 0, (size_t)n_columns * sizeof(LW_REAL));
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        LW_SIMD
        for (ptrdiff_t j = 0; j < n_columns; j++) {
            sum[j] += value[i * apart + j] * weight[i];
        }
    }
}

/* The sums of squares. */
LW_LOOP void
LW_(column_squares)(const LW_REAL *restrict value, ptrdiff_t n_rows, ptrdiff_t apart,
    ptrdiff_t n_columns, LW_REAL *restrict sum)
{
    for (ptrdiff_t j = 0; j < n_columns; j++) {
        sum[j] = value[j] * value[j];
    }
    for (ptrdiff_t i = 1; i < n_rows; i++) {
        LW_SIMD
        for (ptrdiff_t j = 0; j < n_columns; j++) {
            sum[j] += value[i * apart + j] * value[i * apart + j];
        }
    }
}

/* The same of value[i, j]^2 * weight[i]. */
LW_LOOP void
LW_(weighted_squares)(const LW_REAL *restrict value, const LW_REAL *restrict weight,
    ptrdiff_t n_rows, ptrdiff_t apart, ptrdiff_t n_columns, LW_REAL *restrict sum)
{
    memset(sum, 0, (size_t)n_columns * sizeof(LW_REAL));
    for (ptrdiff_t i = 0; i < n_rows; i++) {
        LW_SIMD
        for (ptrdiff_t j = 0; j < n_columns; j++) {
            sum[j] += value[i * apart + j] * value[i * apart + j] * weight[i];
        }
    }
}

/* A row of numbers, each times `scale`. */
LW_LOOP void
LW_(scale_row)(LW_REAL *restrict row, ptrdiff_t n, LW_REAL scale)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        row[j] *= scale;
    }
}

/* sum += value * scale. */
LW_LOOP void
LW_(add_row)(const LW_REAL *restrict value, ptrdiff_t n, LW_REAL scale, LW_REAL *restrict sum)
{
    LW_SIMD
    for (ptrdiff_t j = 0; j < n; j++) {
        sum[j] += value[j] * scale;
    }
}
