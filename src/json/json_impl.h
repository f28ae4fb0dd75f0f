/* json_impl.h - shared inside the folder. */
#ifndef MAL_JSON_IMPL_H
#define MAL_JSON_IMPL_H

#include <malus/json.h>

#include <jansson.h>

/* jansson answers NULL alike for bad input and for no memory.  Between begin
 * and the question, did one of this thread's allocations fail? */
void mal_json_memory_begin(void);
bool mal_json_memory_failed(void);

static inline json_t *mal_json_in(const mal_json *json) {
    return (json_t *)(uintptr_t)json; /* jansson counts references in place */
}

#endif
