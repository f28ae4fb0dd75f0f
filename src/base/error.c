/* error.c - why it failed: a trail per thread. */
#include "base_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TRAIL_MAX 4096
#define MESSAGE_MAX 1024

static _Thread_local char trail[TRAIL_MAX];
static _Thread_local char message[MESSAGE_MAX];

static void add_frame(mal_err err, const char *file, int line) {
    size_t used = strlen(trail);
    if (used + 1 < sizeof trail)
        snprintf(trail + used, sizeof trail - used, "%s%s:%d: %s",
                 used ? "\n" : "", file, line, mal_err_name(err));
}

mal_err mal_err_set(mal_err err, const char *file, int line, const char *fmt,
                    ...) {
    va_list args;
    char text[MESSAGE_MAX]; /* an argument may be the old message itself */
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    memcpy(message, text, sizeof message);
    trail[0] = 0;
    add_frame(err, file, line);
    size_t used = strlen(trail);
    snprintf(trail + used, sizeof trail - used, ": %s", message);
    return err;
}

mal_err mal_err_trace(mal_err err, const char *file, int line) {
    add_frame(err, file, line);
    return err;
}

const char *mal_err_message(void) {
    return message;
}

const char *mal_err_trail(void) {
    return trail;
}

void mal_err_forget(void) {
    message[0] = 0;
    trail[0] = 0;
}

void mal_err_adopt(const char *other_message, const char *other_trail) {
    snprintf(message, sizeof message, "%s", other_message);
    snprintf(trail, sizeof trail, "%s", other_trail);
}

const char *mal_err_text(mal_err err) {
    switch (err) {
#define X(name, value, text)                                                   \
    case name:                                                                 \
        return text;
        MAL_ERR_MAP(X)
#undef X
    }
    return "unknown error";
}

const char *mal_err_name(mal_err err) {
    switch (err) {
#define X(name, value, text)                                                   \
    case name:                                                                 \
        return &#name[4]; /* without MAL_ */
        MAL_ERR_MAP(X)
#undef X
    }
    return "E_UNKNOWN";
}
