/* SPDX-License-Identifier: MIT */
/*
 * Reading a configuration file. libconfuse gives the syntax: assignments, lists, sections; all
 * values are texts to it, and every one is checked by our table at the moment when it is read, so
 * that errors have their line.
 *
 * Its callbacks get no argument of ours. Each option array therefore begins with an entry that no
 * file can name by accident and whose `simple_value` points to the struct load.
 */
#include <stdarg.h>
#include <stdio.h>

#include <confuse.h>

#include "app/config.h"
#include "app/config_build.h"
#include "app/config_key.h"
#include "app/config_scan.h"
#include "app/config_value.h"
#include "app/read_file.h"
#include "app/route_template.h"
#include "base/heap.h"
#include "core/settings.h"

enum {
    FILE_BYTES_MAX = 1024 * 1024,
    MESSAGE_BYTES_MAX = 512,
    KEYS_MAX = 64,
    PATTERN_BYTES_MAX = 4096
};

static const char context_name[] = "\001";

struct load {
    struct config *c;
    struct config_scan scan;
    struct buf *error;
    bool failed;              /* the error is written */
    size_t section;           /* sections read so far */
    unsigned lines[KEYS_MAX]; /* where each global key was set; 0: not yet */

    /* the section being read */
    struct topic_settings settings;
    uint64_t set;
    char *route_topic;
    unsigned route_topic_line;
};

static struct load *load_of(cfg_t *cfg)
{
    return (struct load *)cfg->opts[0].simple_value.ptr;
}

/* For callbacks to return: begins the error line, of which there is one. */
static int fail(struct load *l, unsigned line, struct bytes name)
{
    struct config_origin origin = {CONFIG_FILE, l->c->file, line};

    assert(!l->failed);
    l->failed = true;
    config_put_place(l->error, &origin, name);
    return -1;
}

static int fail_twice(struct load *l, unsigned line, const char *name)
{
    fail(l, line, bytes_str(name));
    buf_put(l->error, B("found a second value, allowed: one"));
    return -1;
}

/* libconfuse's own complaints, all about syntax but for one. */
PRINTF_LIKE(2, 0) static void on_error(cfg_t *cfg, const char *format, va_list args)
{
    struct load *l = load_of(cfg);
    struct config_origin origin = {CONFIG_FILE, l->c->file, (unsigned)cfg->line};
    char message[MESSAGE_BYTES_MAX];

    if (l->failed)
        return;
    if (bytes_starts(bytes_str(format), B("no such option"))) {
        enum config_scope scope = CONFIG_IN_FILE;
        if (bytes_equal(bytes_str(cfg->name), B("topic")))
            scope = CONFIG_IN_TOPIC;
        else if (bytes_equal(bytes_str(cfg->name), B("route")))
            scope = CONFIG_IN_ROUTE;
        l->failed = true;
        config_put_unknown(l->error, &origin, bytes_str(va_arg(args, char *)), scope);
        return;
    }
    if (bytes_starts(bytes_str(format), B("found duplicate title"))) {
        fail(l, (unsigned)cfg->line, bytes_of(NULL, 0));
        buf_put(l->error, B("found a second section "));
        config_put_quoted(l->error, bytes_str(va_arg(args, char *)));
        buf_put(l->error, B(", allowed: one"));
        return;
    }
    vsnprintf(message, sizeof(message), format, args);
    fail(l, (unsigned)cfg->line, bytes_of(NULL, 0));
    for (const char *p = message; *p; p++)
        buf_put_char(l->error, (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
    buf_put(l->error, B(", allowed: key = value, topic \"PATTERN\" { key = value ... } and "
                        "route \"PATH\" { topic = \"TOPIC\" }"));
}

/* The entry that carries the context was named after all, by an escape. */
static int on_context(cfg_t *cfg, cfg_opt_t *option, int argc, const char **argv)
{
    (void)option;
    (void)argc;
    (void)argv;
    struct load *l = load_of(cfg);
    fail(l, (unsigned)cfg->line, bytes_of(NULL, 0));
    buf_put(l->error, B("found a control character, allowed: text"));
    return -1;
}

/* Values. */

static int on_global(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
    struct load *l = load_of(cfg);
    const struct config_key *key = config_key_find(bytes_str(option->name));
    struct config_origin origin = {CONFIG_FILE, l->c->file, (unsigned)cfg->line};
    unsigned *line = &l->lines[config_key_index(key)];

    if (*line && key->type != TYPE_LISTEN)
        return fail_twice(l, (unsigned)cfg->line, key->name);
    *line = (unsigned)cfg->line;
    *(const char **)result = ""; /* libconfuse need not keep it */
    if (config_set(l->c, origin, bytes_str(key->name), bytes_str(value), l->error))
        return 0;
    l->failed = true;
    return -1;
}

static int on_topic_key(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
    struct load *l = load_of(cfg);
    const struct config_key *key = config_key_find(bytes_str(option->name));

    if (l->set & config_key_bit(key))
        return fail_twice(l, (unsigned)cfg->line, key->name);
    *(const char **)result = "";
    if (!config_key_set(key, &l->settings, bytes_str(value))) {
        fail(l, (unsigned)cfg->line, bytes_str(key->name));
        config_key_put_refusal(l->error, key, bytes_str(value));
        return -1;
    }
    l->set |= config_key_bit(key);
    return 0;
}

static int on_route_topic(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
    struct load *l = load_of(cfg);

    if (l->route_topic)
        return fail_twice(l, (unsigned)cfg->line, option->name);
    *(const char **)result = "";
    l->route_topic = bytes_copy(bytes_str(value));
    l->route_topic_line = (unsigned)cfg->line;
    return 0;
}

/* Ends of sections. */

static unsigned section_line(struct load *l)
{
    assert(l->section < l->scan.section_count);
    return l->scan.section_lines[l->section++];
}

static int on_topic(cfg_t *cfg, cfg_opt_t *option)
{
    struct load *l = load_of(cfg);
    struct bytes pattern = bytes_str(cfg_opt_getnsec(option, cfg_opt_size(option) - 1)->title);
    unsigned line = section_line(l);

    if (pattern.len == 0 || pattern.len > PATTERN_BYTES_MAX || !value_is_clean_text(pattern)) {
        fail(l, line, B("topic"));
        buf_put(l->error, B("found "));
        config_put_quoted(l->error, pattern);
        buf_put(l->error, B(", allowed: a topic, or how topics begin followed by *"));
        return -1;
    }
    config_add_topic(l->c, pattern, line, l->set, &l->settings);
    l->settings = (struct topic_settings){.key = bytes_of(NULL, 0)};
    l->set = 0;
    return 0;
}

static int on_route(cfg_t *cfg, cfg_opt_t *option)
{
    struct load *l = load_of(cfg);
    struct bytes path = bytes_str(cfg_opt_getnsec(option, cfg_opt_size(option) - 1)->title);
    unsigned line = section_line(l);
    struct route_template *template;
    struct buf reason;
    bool bad_topic;

    if (!l->route_topic) {
        fail(l, line, B("route"));
        buf_put(l->error, B("found no topic, allowed: { topic = \"post:{post_id}\" }"));
        return -1;
    }
    buf_init(&reason, BUF_UNBOUNDED);
    template = route_template_new(path, bytes_str(l->route_topic), &bad_topic, &reason);
    if (template) {
        config_add_route(l->c, template);
    } else {
        fail(l, bad_topic ? l->route_topic_line : line, bad_topic ? B("topic") : B("route"));
        buf_put(l->error, buf_bytes(&reason));
    }
    buf_release(&reason);
    heap_free(l->route_topic);
    l->route_topic = NULL;
    return template ? 0 : -1;
}

/* Options. */

static cfg_opt_t context_option(struct load *l)
{
    cfg_opt_t option = CFG_FUNC(context_name, on_context);

    option.simple_value.ptr = (void **)l;
    return option;
}

static cfg_opt_t section_option(const char *name, cfg_opt_t *options, cfg_validate_callback_t end)
{
    cfg_opt_t option = CFG_SEC(name, options, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);

    option.validcb = end;
    return option;
}

/* Room for the table, the context, two sections and the end. */
struct options {
    cfg_opt_t root[KEYS_MAX + 4];
    cfg_opt_t topic[KEYS_MAX + 2];
    cfg_opt_t route[3];
};

static void options_init(struct options *o, struct load *l)
{
    static const cfg_opt_t end = CFG_END();
    size_t count, roots = 0, topics = 0;
    const struct config_key *keys = config_keys(&count);

    assert(count <= KEYS_MAX);
    o->root[roots++] = o->topic[topics++] = o->route[0] = context_option(l);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].type == TYPE_HEADING)
            continue;
        o->root[roots++] =
            keys[i].type == TYPE_LISTEN
                ? (cfg_opt_t)CFG_STR_LIST_CB(keys[i].name, 0, CFGF_NODEFAULT, on_global)
                : (cfg_opt_t)CFG_STR_CB(keys[i].name, 0, CFGF_NODEFAULT, on_global);
        if (keys[i].in_topics)
            o->topic[topics++] =
                (cfg_opt_t)CFG_STR_CB(keys[i].name, 0, CFGF_NODEFAULT, on_topic_key);
    }
    o->route[1] = (cfg_opt_t)CFG_STR_CB("topic", 0, CFGF_NODEFAULT, on_route_topic);
    o->route[2] = end;
    o->topic[topics] = end;
    o->root[roots++] = section_option("topic", o->topic, on_topic);
    o->root[roots++] = section_option("route", o->route, on_route);
    o->root[roots] = end;
}

static bool parse(struct load *l)
{
    struct options options;
    cfg_t *cfg;
    FILE *file;
    int result;

    if (l->scan.text.len == 0)
        return true; /* which fmemopen() need not take */
    options_init(&options, l);
    cfg = cfg_init(options.root, CFGF_NONE);
    file = fmemopen(l->scan.text.ptr, l->scan.text.len, "r");
    assert(cfg && file); /* only memory could be missing */
    cfg_set_error_function(cfg, on_error);
    result = cfg_parse_fp(cfg, file);
    fclose(file);
    if (result != CFG_SUCCESS && !l->failed) {
        fail(l, (unsigned)cfg->line, bytes_of(NULL, 0));
        buf_put(l->error, B("cannot be understood"));
    }
    cfg_free(cfg);
    return result == CFG_SUCCESS;
}

bool config_load_text(struct config *c, const char *name, struct bytes text, struct buf *error)
{
    struct load l = {.c = c, .error = error};
    bool ok;

    assert(!c->file);
    c->file = bytes_copy(bytes_str(name));
    ok = config_scan_init(&l.scan, text, error);
    if (ok) {
        ok = parse(&l);
    } else {
        struct config_origin origin = {CONFIG_FILE, c->file, l.scan.line};
        struct buf line;
        buf_init(&line, BUF_UNBOUNDED);
        config_put_place(&line, &origin, bytes_of(NULL, 0));
        buf_put(&line, buf_bytes(error));
        buf_clear(error);
        buf_put(error, buf_bytes(&line));
        buf_release(&line);
    }
    config_settings_release(&l.settings);
    heap_free(l.route_topic);
    config_scan_release(&l.scan);
    return ok;
}

bool config_load_file(struct config *c, const char *path, struct buf *error)
{
    struct buf text;
    bool world_readable, ok = false;

    buf_init(&text, FILE_BYTES_MAX);
    buf_printf(error, "%s: ", path);
    if (read_file(path, &text, &world_readable, error)) {
        buf_clear(error);
        c->file_world_readable = world_readable;
        ok = config_load_text(c, path, buf_bytes(&text), error);
    }
    buf_release(&text);
    return ok;
}
