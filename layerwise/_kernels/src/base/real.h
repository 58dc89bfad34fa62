/* One source for both float types. Kernels are compiled once for each (kernels.c): LW_REAL is the
 * type, and LW_(name) is the name with the type appended. Not guarded: enumerate/moments.c, whose
 * weights are float64, needs both types. */

#define LW_PASTE_(name, suffix) name##_##suffix
#define LW_PASTE(name, suffix) LW_PASTE_(name, suffix)

#undef LW_REAL
#undef LW_
#ifdef LW_SINGLE
#define LW_REAL float
#define LW_(name) LW_PASTE(name, f32)
#else
#define LW_REAL double
#define LW_(name) LW_PASTE(name, f64)
#endif
