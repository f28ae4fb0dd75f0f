/* thread.c - threads, and loops whose rounds run side by side. */
#include "base_impl.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#define THREADS_MAX 256

struct mal_thread {
    pthread_t id;
    void (*run)(void *);
    void *arg;
};

static void *thread_main(void *at) {
    mal_thread *thread = at;
    thread->run(thread->arg);
    return NULL;
}

mal_err mal_thread_start(mal_thread **thread, void (*run)(void *), void *arg) {
    mal_thread *made = mal_calloc(1, sizeof *made);
    if (!made)
        return mal_err_trace(MAL_E_MEMORY, __FILE__, __LINE__);
    made->run = run;
    made->arg = arg;
    int rc = pthread_create(&made->id, NULL, thread_main, made);
    if (rc != 0) {
        mal_free(made);
        MAL_FAIL(MAL_E_LIMIT, "cannot start a thread: %s", strerror(rc));
    }
    *thread = made;
    return MAL_OK;
}

void mal_thread_join(mal_thread **thread) {
    if (!thread || !*thread)
        return;
    int rc = pthread_join((*thread)->id, NULL);
    assert(rc == 0);
    mal_free(*thread);
    *thread = NULL;
}

/* --- Parallel loops ------------------------------------------------------- */

typedef struct loop {
    size_t n;
    mal_err (*body)(void *ctx, size_t i);
    void *ctx;
    _Atomic size_t next; /* the first round that nobody took */
    _Atomic bool stop;
    pthread_mutex_t lock; /* of what follows */
    mal_err err;
    size_t err_round;
    char message[1024], trail[4096];
} loop;

/* Of several failures the one of the earliest round is told, as a plain loop
 * would: the answer depends less on who ran first. */
static void keep_failure(loop *l, size_t round, mal_err err) {
    pthread_mutex_lock(&l->lock);
    if (l->err == MAL_OK || round < l->err_round) {
        l->err = err;
        l->err_round = round;
        strncpy(l->message, mal_err_message(), sizeof l->message - 1);
        strncpy(l->trail, mal_err_trail(), sizeof l->trail - 1);
    }
    pthread_mutex_unlock(&l->lock);
    atomic_store(&l->stop, true);
}

static void take_rounds(void *at) {
    loop *l = at;
    while (!atomic_load(&l->stop)) {
        size_t i = atomic_fetch_add(&l->next, 1);
        if (i >= l->n)
            return;
        mal_err err = l->body(l->ctx, i);
        if (err != MAL_OK)
            keep_failure(l, i, err);
    }
}

mal_err mal_parallel(unsigned threads, size_t n,
                     mal_err (*body)(void *ctx, size_t i), void *ctx) {
    loop l = {
        .n = n, .body = body, .ctx = ctx, .lock = PTHREAD_MUTEX_INITIALIZER
    };
    mal_thread *helper[THREADS_MAX] = { 0 };
    unsigned helpers = threads < THREADS_MAX ? threads : THREADS_MAX;
    if (helpers > n)
        helpers = (unsigned)n;
    /* The caller works too; where no more threads are to be had, fewer do. */
    for (unsigned i = 1; i < helpers; i++)
        if (mal_thread_start(&helper[i], take_rounds, &l) != MAL_OK)
            break;
    take_rounds(&l);
    for (unsigned i = 1; i < helpers; i++)
        mal_thread_join(&helper[i]);
    pthread_mutex_destroy(&l.lock);
    if (l.err == MAL_OK)
        return MAL_OK;
    mal_err_adopt(l.message, l.trail);
    return mal_err_trace(l.err, __FILE__, __LINE__);
}

unsigned mal_cpus(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}
