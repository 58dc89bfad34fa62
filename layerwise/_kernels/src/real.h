/* One source for both float types: a file NAME.inc.c is included twice by NAME.c, first with
 * LW_SUFFIX f32, then with f64. `LW_(name)` is the name with the type behind it. */

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
