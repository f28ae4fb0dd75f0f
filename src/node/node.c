/* node.c - what all of a node may ask of it: its port, its party, to stop. */
#include "node_impl.h"

#include <unistd.h>

uint16_t mal_node_port(const mal_node *node) {
    return node->port;
}

const char *mal_node_party(const mal_node *node) {
    return mal_kms_party(node->kms);
}

void mal_node_stop_request(mal_node *node) {
    uint64_t one = 1;
    if (write(node->stop_fd, &one, sizeof one) < 0)
        return; /* already full: a stop is under way */
}
