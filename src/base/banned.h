/* banned.h - what may not be said in this house; each has a word that may.
 *
 * Forced into every source (not into tests) by the build.  The headers that
 * declare these come first, so that only their use is refused.  [git banned.h]
 */
#ifndef MAL_BANNED_H
#define MAL_BANNED_H
#ifndef MAL_TEST_SOURCE_ROOT

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MAL_BANNED(name, instead) banned_##name##_say_##instead

#undef strcpy
#define strcpy(...) MAL_BANNED(strcpy, snprintf)
#undef stpcpy
#define stpcpy(...) MAL_BANNED(stpcpy, snprintf)
#undef strcat
#define strcat(...) MAL_BANNED(strcat, mal_buf_put)
#undef strncat
#define strncat(...) MAL_BANNED(strncat, mal_buf_put)
#undef sprintf
#define sprintf(...) MAL_BANNED(sprintf, snprintf)
#undef vsprintf
#define vsprintf(...) MAL_BANNED(vsprintf, vsnprintf)
#undef strtok
#define strtok(...) MAL_BANNED(strtok, strtok_r)
#undef atoi
#define atoi(...) MAL_BANNED(atoi, strtol_and_its_errors)
#undef atol
#define atol(...) MAL_BANNED(atol, strtol_and_its_errors)
#undef atoll
#define atoll(...) MAL_BANNED(atoll, strtoll_and_its_errors)
#undef atof
#define atof(...) MAL_BANNED(atof, strtod_and_its_errors)
#undef rand
#define rand(...) MAL_BANNED(rand, mal_prim_random)
#undef srand
#define srand(...) MAL_BANNED(srand, mal_prim_random)
#undef random
#define random(...) MAL_BANNED(random, mal_prim_random)
#undef drand48
#define drand48(...) MAL_BANNED(drand48, mal_prim_random)
#undef alloca
#define alloca(...) MAL_BANNED(alloca, mal_arena_alloc)
#undef memcmp
#define memcmp(...) MAL_BANNED(memcmp, mal_equal_or_mal_compare_vartime)
#undef bcmp
#define bcmp(...) MAL_BANNED(bcmp, mal_equal_or_mal_compare_vartime)
#undef gmtime
#define gmtime(...) MAL_BANNED(gmtime, mal_time_format)
#undef localtime
#define localtime(...) MAL_BANNED(localtime, mal_time_format)
#undef ctime
#define ctime(...) MAL_BANNED(ctime, mal_time_format)
#undef asctime
#define asctime(...) MAL_BANNED(asctime, mal_time_format)
#undef tmpnam
#define tmpnam(...) MAL_BANNED(tmpnam, mkostemp)
#undef mktemp
#define mktemp(...) MAL_BANNED(mktemp, mkostemp)
#undef system
#define system(...) MAL_BANNED(system, posix_spawn)
#undef popen
#define popen(...) MAL_BANNED(popen, posix_spawn)

#endif
#endif
