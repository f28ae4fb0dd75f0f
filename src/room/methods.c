/* methods.c - what the other parties may call by name, and who serves it. */
#include "room_impl.h"

#include <string.h>

mal_err mal_room_answer_call(mal_room *room, uint32_t caller,
                             const char *method, mal_bytes in, mal_buf *out) {
    static const struct {
        const char *name;
        mal_err (*serve)(mal_room *, uint32_t, mal_bytes, mal_buf *);
    } steps[] = {
        { "open", room_serve_open },       { "hold", room_serve_hold },
        { "spend", room_serve_spend },     { "run", room_serve_run },
        { "close", room_serve_close },     { "void", room_serve_void },
        { "cosign", room_serve_cosign },   { "share", room_serve_share },
        { "unshare", room_serve_unshare }, { "refresh", room_serve_refresh },
        { "sealing", room_serve_sealing }, { "holds", room_serve_holds },
        { "take-in", room_serve_take_in }, { "resume", room_serve_resume },
    };
    MAL_REQUIRE(caller < room->contract->n_parties, MAL_E_DENIED,
                "the caller is no party of the room");
    out->max = out->max ? out->max : ROOM_OUTPUT_MAX;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (strcmp(method, steps[i].name) == 0)
            return steps[i].serve(room, caller, in, out);
    if (strcmp(method, "keys") == 0)
        return room_serve_keys(room, out);
    if (strcmp(method, "pseudonym") == 0)
        return room_serve_pseudonym(room, caller, out);
    if (strcmp(method, "last") == 0)
        return room_serve_last(room, caller, out);
    if (strcmp(method, "datasets") == 0)
        return room_serve_datasets(room, out);
    if (strcmp(method, "abort") == 0)
        return room_serve_abort(room, caller, in);
    if (strcmp(method, "withdraw") == 0)
        return room_serve_withdraw(room, caller, in);
    MAL_FAIL(MAL_E_UNSUPPORTED, "no method %.32s in a room", method);
}
