/* thread.c - the threads of an endpoint: none outlives it.
 *
 * A thread that is done puts itself on a list; the next one to be started, or
 * mal_net_close, joins it.  Whoever is on the list has let go of every lock, so
 * that joining it waits for nobody.
 */
#include "net_impl.h"

#include <string.h>

void net_threads_init(mal_net *net) {
    pthread_mutex_init(&net->threads, NULL);
    pthread_cond_init(&net->idle, NULL);
}

void net_threads_clear(mal_net *net) {
    pthread_mutex_destroy(&net->threads);
    pthread_cond_destroy(&net->idle);
}

static void *begin(void *arg) {
    net_thread *t = arg;
    mal_net *net = t->net;
    t->run(t->arg);
    pthread_mutex_lock(&net->threads);
    t->next = net->ended;
    net->ended = t;
    net->live--;
    pthread_cond_broadcast(&net->idle);
    pthread_mutex_unlock(&net->threads);
    return NULL;
}

static void join_ended(mal_net *net) {
    pthread_mutex_lock(&net->threads);
    net_thread *list = net->ended;
    net->ended = NULL;
    pthread_mutex_unlock(&net->threads);
    for (net_thread *t = list, *next; t; t = next) {
        next = t->next;
        pthread_join(t->id, NULL);
        mal_free(t);
    }
}

mal_err net_spawn(mal_net *net, void (*run)(void *), void *arg) {
    join_ended(net);
    net_thread *t = mal_calloc(1, sizeof *t);
    if (!t)
        return MAL_E_MEMORY;
    *t = (net_thread){ .net = net, .run = run, .arg = arg };
    /* Under the lock, so that t->id is set before anybody joins it. */
    pthread_mutex_lock(&net->threads);
    int r = pthread_create(&t->id, NULL, begin, t);
    if (r == 0)
        net->live++;
    pthread_mutex_unlock(&net->threads);
    if (r != 0) {
        mal_free(t);
        MAL_FAIL(MAL_E_LIMIT, "no thread for a connection: %s", strerror(r));
    }
    return MAL_OK;
}

void net_threads_join(mal_net *net) {
    pthread_mutex_lock(&net->threads);
    while (net->live > 0)
        pthread_cond_wait(&net->idle, &net->threads);
    pthread_mutex_unlock(&net->threads);
    join_ended(net);
}
