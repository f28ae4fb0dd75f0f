/* pins.c - the identities that may connect: those that the contract pins. */
#include "net_impl.h"

#include <string.h>

bool net_pinned_locked(const mal_net *net, const uint8_t identity[32]) {
    bool found = false;
    for (size_t i = 0; i < net->pin_count; i++)
        found |= mal_equal(net->pins[i], identity, 32);
    return found;
}

bool net_pinned(mal_net *net, const uint8_t identity[32]) {
    pthread_mutex_lock(&net->lock);
    bool found = net_pinned_locked(net, identity);
    pthread_mutex_unlock(&net->lock);
    return found;
}

static mal_err allow_locked(mal_net *net, const uint8_t identity[32]) {
    if (net_pinned_locked(net, identity))
        return MAL_OK;
    uint8_t(*pins)[32] =
        mal_realloc(net->pins, net->pin_count * 32, (net->pin_count + 1) * 32);
    if (!pins)
        return MAL_E_MEMORY;
    net->pins = pins;
    memcpy(pins[net->pin_count++], identity, 32);
    return MAL_OK;
}

mal_err mal_net_allow(mal_net *net, const uint8_t identity[32]) {
    pthread_mutex_lock(&net->lock);
    mal_err err = allow_locked(net, identity);
    pthread_mutex_unlock(&net->lock);
    return err;
}

void mal_net_disallow(mal_net *net, const uint8_t identity[32]) {
    pthread_mutex_lock(&net->lock);
    for (size_t i = 0; i < net->pin_count; i++)
        if (mal_equal(net->pins[i], identity, 32)) {
            memmove(net->pins[i], net->pins[net->pin_count - 1], 32);
            net->pin_count--;
            break; /* each is there once */
        }
    net_conns_kill_locked(net, identity, "the peer is no longer a party");
    pthread_mutex_unlock(&net->lock);
}
