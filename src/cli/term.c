/* term.c - printing for people: colours, tables, a bar, amounts. */
#include "cli_impl.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool cli_terminal(FILE *to) {
    return isatty(fileno(to)) == 1;
}

static bool colours(FILE *to) {
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return !(no && *no) && term && strcmp(term, "dumb") != 0 &&
           cli_terminal(to);
}

const char *cli_style_on(FILE *to, cli_style style) {
    static const char *const codes[] = { "",         "\033[1m",  "\033[2m",
                                         "\033[31m", "\033[32m", "\033[33m" };
    return colours(to) ? codes[style] : "";
}

const char *cli_style_off(FILE *to) {
    return colours(to) ? "\033[0m" : "";
}

unsigned cli_width(FILE *to) {
    struct winsize size = { 0 };
    const char *columns = getenv("COLUMNS");
    unsigned long n = columns ? strtoul(columns, NULL, 10) : 0;
    if (ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col)
        n = size.ws_col;
    return n >= 40 && n <= 1000 ? (unsigned)n : 0;
}

size_t cli_text_width(const char *text) {
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80; /* not a continuation */
    return n;
}

/* --- Lines --------------------------------------------------------------- */

/* Where the rest of a broken line hangs: under the second column of "  name
 * what it is", if it has one near its start; else a little in. */
static size_t hang_of(const char *line, size_t len) {
    size_t lead = 0;
    while (lead < len && line[lead] == ' ')
        lead++;
    for (size_t i = lead; i + 2 < len && i < lead + 20; i++)
        if (line[i] == ' ' && line[i + 1] == ' ') {
            while (i < len && line[i] == ' ')
                i++;
            return i < lead + 24 ? i : lead + 2;
        }
    return lead + 2;
}

static void put_broken(FILE *to, const char *line, size_t len, size_t width) {
    size_t hang = hang_of(line, len), room = width;
    while (len > room) {
        size_t cut = room;
        while (cut > hang && line[cut] != ' ')
            cut--;
        if (cut <= hang || line[cut] != ' ')
            break; /* a word wider than the terminal */
        fprintf(to, "%.*s\n%*s", (int)cut, line, (int)hang, "");
        line += cut + 1;
        len -= cut + 1;
        room = width - hang;
    }
    fprintf(to, "%.*s\n", (int)len, line);
}

void cli_say_lines(const mal_cli *cli, FILE *to, const char *text) {
    unsigned width = cli_width(to);
    if (cli->json && to == stdout)
        return;
    while (*text) {
        size_t n = strcspn(text, "\n");
        put_broken(to, text, n, width ? width : n);
        text += n + (text[n] == '\n');
    }
}

/* --- Tables -------------------------------------------------------------- */

mal_err cli_table_add(cli_table *table, const char *text) {
    if (table->n == table->cap) {
        size_t cap = table->cap ? 2 * table->cap : 64;
        const char **more = mal_arena_calloc(table->arena, cap, sizeof *more);
        if (!more)
            return MAL_E_MEMORY;
        for (size_t i = 0; i < table->n; i++)
            more[i] = table->cells[i];
        table->cells = more;
        table->cap = cap;
    }
    const char *copy = mal_arena_strdup(table->arena, text);
    if (!copy)
        return MAL_E_MEMORY;
    table->cells[table->n++] = copy;
    return MAL_OK;
}

mal_err cli_table_add_u64(cli_table *table, uint64_t v) {
    const char *text = cli_count_text(table->arena, v);
    return text ? cli_table_add(table, text) : MAL_E_MEMORY;
}

static size_t column_width(const cli_table *t, unsigned column) {
    size_t width = 0;
    for (size_t i = column; i < t->n; i += t->n_columns) {
        size_t w = cli_text_width(t->cells[i]);
        width = w > width ? w : width;
    }
    return width;
}

static void put_spaces(size_t n) {
    for (size_t i = 0; i < n; i++)
        putchar(' ');
}

static void show_row(const cli_table *t, size_t row, bool last_padded) {
    for (unsigned c = 0; c < t->n_columns; c++) {
        const char *text = t->cells[row * t->n_columns + c];
        size_t pad = column_width(t, c) - cli_text_width(text);
        bool right = *t->align[c] == 'r', last = c + 1 == t->n_columns;
        if (right)
            put_spaces(pad);
        fputs(text, stdout);
        if (!right && (!last || last_padded))
            put_spaces(pad);
        if (!last)
            fputs("  ", stdout);
    }
}

void cli_table_show(const mal_cli *cli, const cli_table *table) {
    if (cli->json || table->n == 0)
        return;
    assert(table->n % table->n_columns == 0);
    for (size_t row = 0; row < table->n / table->n_columns; row++) {
        fputs(row == 0 ? cli_style_on(stdout, CLI_BOLD) : "", stdout);
        show_row(table, row, false);
        fputs(row == 0 ? cli_style_off(stdout) : "", stdout);
        putchar('\n');
    }
}

/* --- The bar ------------------------------------------------------------- */

static bool bar_shown;

void cli_bar_show(const char *stage, uint64_t done, uint64_t total) {
    enum { WIDTH = 28 };
    if (!cli_terminal(stderr))
        return;
    char bar[WIDTH + 1];
    uint64_t part = total && done < total ? done : total;
    size_t full = total ? (size_t)((mal_u128)part * WIDTH / total) : 0;
    for (size_t i = 0; i < WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[WIDTH] = 0;
    fprintf(stderr, "\r\033[K%s[%s]%s %-24.24s",
            cli_style_on(stderr, CLI_FAINT), bar, cli_style_off(stderr), stage);
    if (total > 1)
        fprintf(stderr, " %3u %%", (unsigned)((mal_u128)part * 100 / total));
    fflush(stderr);
    bar_shown = true;
}

void cli_bar_clear(void) {
    if (!bar_shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    bar_shown = false;
}

/* --- Amounts ------------------------------------------------------------- */

mal_err cli_parse_nano(uint64_t *nano, const char *text) {
    uint64_t whole = 0, part = 0, unit = 1000000000;
    const char *at = text;
    *nano = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        whole = whole * 10 + (uint64_t)(*at - '0');
        MAL_REQUIRE(whole < 1000000000, MAL_E_INPUT, "%s is too much", text);
    }
    bool some = at > text;
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++) {
            unit /= 10;
            MAL_REQUIRE(unit, MAL_E_INPUT,
                        "%s has more than nine decimal places", text);
            part += (uint64_t)(*at - '0') * unit;
            some = true;
        }
    MAL_REQUIRE(some && !*at, MAL_E_INPUT,
                "%s is not a decimal number like 0.5", text);
    *nano = whole * 1000000000 + part;
    return MAL_OK;
}

const char *cli_nano_text(mal_arena *arena, uint64_t nano) {
    char *text = mal_arena_printf(arena, "%llu.%09llu",
                                  (unsigned long long)(nano / 1000000000),
                                  (unsigned long long)(nano % 1000000000));
    if (!text)
        return NULL;
    size_t n = strlen(text);
    while (text[n - 1] == '0')
        text[--n] = 0;
    if (text[n - 1] == '.')
        text[n - 1] = 0;
    return text;
}

const char *cli_count_text(mal_arena *arena, uint64_t n) {
    char digits[24], out[32];
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    size_t k = 0;
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = 0;
    return mal_arena_strdup(arena, out);
}

const char *cli_bytes_text(mal_arena *arena, uint64_t n) {
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
    double v = (double)n;
    unsigned u = 0;
    for (; v >= 999.5 && u < 5; u++)
        v /= 1000;
    return mal_arena_printf(arena, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

const char *cli_time_text(mal_arena *arena, uint64_t unix_seconds) {
    char text[21];
    mal_time_format(text, unix_seconds);
    return mal_arena_strdup(arena, text);
}
