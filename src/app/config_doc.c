/* SPDX-License-Identifier: MIT */
#include "app/config_doc.h"

#include "app/command.h"
#include "app/config_key.h"
#include "base/bytes.h"
#include "base/check.h"

enum { WIDTH = 80 };

static const char version_text[] = "rollcall " ROLLCALL_VERSION;

static void put_text(struct buf *out, const char *text)
{
    buf_put(out, bytes_str(text));
}

/* `text` in lines of at most WIDTH bytes that begin with `prefix`; the cursor is at a line's begin
 * before and after. */
static void put_wrapped(struct buf *out, const char *prefix, struct bytes text)
{
    struct bytes start = bytes_str(prefix);
    size_t column = 0;

    while (text.len > 0) {
        size_t end = bytes_find(text, ' ');
        if (column > 0 && column + 1 + end > WIDTH) {
            buf_put_char(out, '\n');
            column = 0;
        }
        if (column == 0) {
            buf_put(out, start);
            column = start.len;
        } else {
            buf_put_char(out, ' ');
            column++;
        }
        buf_put(out, bytes_of(text.ptr, end));
        column += end;
        text = bytes_skip(text, end + (end < text.len));
    }
    if (column > 0)
        buf_put_char(out, '\n');
}

/* What a key is when nobody sets it, as text of the file or in words. */
static const char *default_of(const struct config_key *key)
{
    if (!key->default_text)
        return key->unit;
    return key->default_text[0] ? key->default_text : "\"\"";
}

/* "a whole number from 1 to 256, messages per second" */
static void put_allowed(struct buf *out, const struct config_key *key)
{
    config_key_put_allowed(out, key);
    if (key->type == TYPE_COUNT && key->default_text && key->unit[0])
        buf_printf(out, ", %s", key->unit);
}

/* What it is for, and what it may be, in sentences. */
static void put_sentences(struct buf *out, const struct config_key *key)
{
    buf_printf(out, "%s Allowed: ", key->help);
    put_allowed(out, key);
    buf_put_char(out, '.');
}

/* Help. */

void doc_put_help(struct buf *out, const struct command_list *all)
{
    put_text(out, "Usage: rollcall COMMAND [OPTION]...\n\n"
                  "Tells everyone on a page who is here, and how many, right now.\n\nCommands:\n");
    for (size_t i = 0; i < all->count; i++) {
        if (!all->items[i]->hidden)
            buf_printf(out, "  %-14s %s\n", all->items[i]->name, all->items[i]->summary);
    }
    put_text(out, "\nOptions:\n"
                  "  --help         this text; behind a command, that of the command\n"
                  "  --version      the version\n");
}

static void put_option_name(struct buf *out, const struct command_option *option)
{
    put_text(out, option->name);
    if (option->value)
        buf_printf(out, " %s", option->value);
}

static void put_key_help(struct buf *out, const struct config_key *key)
{
    struct buf text;

    if (key->type == TYPE_HEADING) {
        buf_printf(out, "\n%s\n", key->name);
        return;
    }
    buf_printf(out, "  %s%s%s%s\n", key->name, key->default_text ? "=" : " (", default_of(key),
               key->default_text ? "" : ")");
    buf_init(&text, BUF_UNBOUNDED);
    put_sentences(&text, key);
    put_wrapped(out, "      ", buf_bytes(&text));
    buf_release(&text);
}

void doc_put_command_help(struct buf *out, const struct command *command)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    buf_printf(out, "Usage: rollcall %s%s%s%s\n\n", command->name,
               command->option_count > 0 ? " [OPTION]..." : "", command->operands[0] ? " " : "",
               command->operands);
    put_wrapped(out, "", bytes_str(command->text));
    put_text(out, "\nOptions:\n");
    for (size_t i = 0; i < command->option_count; i++) {
        put_text(out, "  ");
        put_option_name(out, &command->options[i]);
        put_text(out, "\n");
        put_wrapped(out, "      ", bytes_str(command->options[i].help));
    }
    put_text(out, "  --help\n      This text.\n");
    if (!command->lists_keys)
        return;
    put_text(out,
             "\nKeys of the configuration, in the file as KEY = VALUE, with their defaults:\n");
    for (size_t i = 0; i < count; i++)
        put_key_help(out, &keys[i]);
}

/* docs/configuration.md */

static const char configuration_head[] =
    "<!-- Made by `rollcall docs configuration` from src/app/config.def: change that. -->\n"
    "# Configuration\n"
    "\n"
    "Everything has a default, so no file is needed. `rollcall serve --config FILE` reads one; "
    "flags\n"
    "and `--set KEY=VALUE` win over the variable `ROLLCALL_JWT_SECRET`, and that over the file.\n"
    "`rollcall check-config FILE` says whether a file is good. What is not understood is never\n"
    "ignored: the error names the file, the line, the key, what was found and what is allowed, "
    "and\n"
    "the exit status is 2.\n"
    "\n"
    "## The file\n"
    "\n"
    "```\n"
    "# A comment ends with its line.\n"
    "listen = { \"127.0.0.1:8080\", \"[::1]:8080\" }\n"
    "jwt_secret_file = /etc/rollcall/secret\n"
    "leave_grace = 5s\n"
    "\n"
    "topic \"article:*\" {\n"
    "    leave_grace = 0s\n"
    "    presence = count\n"
    "}\n"
    "\n"
    "route \"/ws/posts/{post_id:int}/live\" { topic = \"post:{post_id}\" }\n"
    "```\n"
    "\n"
    "- A value needs quotes if it has blanks or one of `# \" ' { } ( ) = + , *` in it. A string "
    "ends on\n"
    "  its line. In double quotes, `\\` gives the next character its plain meaning, and `${NAME}` "
    "and\n"
    "  `${NAME:-default}` stand for a variable of the environment; one that is not set is an "
    "error.\n"
    "- Each key is given once; `listen` may be given several times.\n"
    "- Durations are whole numbers of `ms`, `s`, `m` or `h`; sizes are bytes, or whole numbers of\n"
    "  `KiB`, `MiB` or `GiB`.\n"
    "\n"
    "## Topic sections\n"
    "\n"
    "`topic \"PATTERN\" { ... }` changes the keys of the group Topics below for the topics that "
    "match. A\n"
    "pattern is a topic's name, or how names begin, followed by `*`. The first section in the "
    "file\n"
    "that matches is the one that counts; what it does not set, it takes from outside the "
    "sections.\n"
    "\n"
    "## Routes\n"
    "\n"
    "`route \"PATH\" { topic = \"TOPIC\" }` says which topic clients of the rooms protocol join by "
    "the path\n"
    "they connect to. `{name}` in the path is any one segment, percent-decoded; `{name:int}` is a\n"
    "decimal integer of 64 bits; the topic uses them by name. The first route that matches "
    "counts.\n"
    "Without a route in the file there is this one:\n"
    "\n"
    "```\n"
    "route \"/ws/posts/{post_id:int}/live\" { topic = \"post:{post_id}\" }\n"
    "```\n"
    "\n"
    "## Keys\n";

static void put_key_row(struct buf *out, const struct config_key *key)
{
    const char *mark = key->default_text ? "`" : "";

    if (key->type == TYPE_HEADING) {
        buf_printf(out, "\n### %s\n\n| key | default | allowed | |\n| --- | --- | --- | --- |\n",
                   key->name);
        return;
    }
    buf_printf(out, "| `%s` | %s%s%s | ", key->name, mark, default_of(key), mark);
    put_allowed(out, key);
    buf_printf(out, " | %s |\n", key->help);
}

void doc_put_configuration(struct buf *out)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    put_text(out, configuration_head);
    for (size_t i = 0; i < count; i++)
        put_key_row(out, &keys[i]);
}

/* packaging/rollcall.conf */

static void put_key_sample(struct buf *out, const struct config_key *key)
{
    struct buf text;
    bool quotes;

    if (key->type == TYPE_HEADING) {
        buf_printf(out, "\n# --- %s ---\n", key->name);
        return;
    }
    buf_init(&text, BUF_UNBOUNDED);
    put_sentences(&text, key);
    buf_put_char(out, '\n');
    put_wrapped(out, "# ", buf_bytes(&text));
    quotes = key->default_text && (key->type == TYPE_LISTEN || key->type == TYPE_PATH);
    if (key->default_text)
        buf_printf(out, "#%s = %s%s%s\n", key->name, quotes ? "\"" : "", default_of(key),
                   quotes ? "\"" : "");
    else
        buf_printf(out, "# %s is not set: %s.\n", key->name, default_of(key));
    buf_release(&text);
}

void doc_put_sample(struct buf *out)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    put_text(out,
             "# Configuration of rollcall. Every line that is commented out shows the default.\n"
             "# Check changes with: rollcall check-config FILE\n");
    for (size_t i = 0; i < count; i++)
        put_key_sample(out, &keys[i]);
    put_text(out,
             "\n# --- Topic sections ---\n\n"
             "# Other values for the topics that match: a name, or how names begin followed by *.\n"
             "# The first section that matches counts.\n"
             "#topic \"article:*\" {\n#    leave_grace = 0s\n#    presence = count\n#}\n"
             "\n# --- Routes ---\n\n"
             "# Which topic clients of the rooms protocol join by their path.\n"
             "#route \"/ws/posts/{post_id:int}/live\" { topic = \"post:{post_id}\" }\n");
}

/* packaging/rollcall.1, see man(7) */

/* Text in a paragraph: '-' and '\' as themselves, and no request at a line's begin. */
static void put_roff(struct buf *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        put_text(out, "\\&");
    for (; *text; text++) {
        if (*text == '-')
            put_text(out, "\\-");
        else if (*text == '\\')
            put_text(out, "\\e");
        else
            buf_put_char(out, *text);
    }
}

static void put_man_line(struct buf *out, const char *before, const char *text, const char *after)
{
    put_text(out, before);
    put_roff(out, text);
    put_text(out, after);
}

static void put_man_option(struct buf *out, const struct command_option *option)
{
    put_man_line(out, ".TP\n\\fB", option->name, "\\fR");
    if (option->value)
        put_man_line(out, " \\fI", option->value, "\\fR");
    put_man_line(out, "\n", option->help, "\n");
}

static void put_man_command(struct buf *out, const struct command *command)
{
    put_man_line(out, ".SS rollcall ", command->name, "");
    if (command->option_count > 0)
        put_text(out, " [OPTION]...");
    if (command->operands[0])
        put_man_line(out, " ", command->operands, "");
    put_man_line(out, "\n", command->text, "\n");
    for (size_t i = 0; i < command->option_count; i++)
        put_man_option(out, &command->options[i]);
}

static void put_man_key(struct buf *out, const struct config_key *key)
{
    struct buf text;

    if (key->type == TYPE_HEADING) {
        put_man_line(out, ".SS ", key->name, "\n");
        return;
    }
    put_man_line(out, ".TP\n\\fB", key->name, "\\fR");
    put_man_line(out, key->default_text ? " = " : " (", default_of(key),
                 key->default_text ? "\n" : ")\n");
    buf_init(&text, BUF_UNBOUNDED);
    put_sentences(&text, key);
    buf_put_char(&text, '\0');
    put_man_line(out, "", text.ptr, "\n");
    buf_release(&text);
}

static const char man_sections[] =
    "Everything has a default, so no file is needed. Flags win over the environment, and that "
    "over\n"
    "the file. A file consists of lines \\fIKEY\\fR = \\fIVALUE\\fR, comments that begin with #, "
    "and two\n"
    "kinds of sections.\n"
    ".TP\n"
    "\\fBtopic\\fR \"\\fIPATTERN\\fR\" { \\fIKEY\\fR = \\fIVALUE\\fR ... }\n"
    "Other values of the keys of the group Topics, for the topics that match: a name, or how "
    "names\n"
    "begin followed by *. The first section that matches counts.\n"
    ".TP\n"
    "\\fBroute\\fR \"\\fIPATH\\fR\" { topic = \"\\fITOPIC\\fR\" }\n"
    "Which topic clients of the rooms protocol join by their path, such as\n"
    "\"/ws/posts/{post_id:int}/live\" for \"post:{post_id}\".\n";

void doc_put_man(struct buf *out, const struct command_list *all)
{
    size_t count;
    const struct config_key *keys = config_keys(&count);

    put_text(out, ".\\\" Made by `rollcall docs man` from src/app/config.def and the commands.\n"
                  ".TH ROLLCALL 1 \"\" \"");
    put_text(out, version_text);
    put_text(out, "\" \"User Commands\"\n"
                  ".SH NAME\nrollcall \\- presence and live counts for web pages\n"
                  ".SH SYNOPSIS\n\\fBrollcall\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR]...\n"
                  ".SH DESCRIPTION\nTells everyone on a page who is here, and how many, right now: "
                  "browsers connect by WebSocket and join topics; a backend asks over HTTP.\n"
                  ".SH COMMANDS\n");
    for (size_t i = 0; i < all->count; i++) {
        if (!all->items[i]->hidden)
            put_man_command(out, all->items[i]);
    }
    put_text(out, ".SH CONFIGURATION\n");
    put_text(out, man_sections);
    for (size_t i = 0; i < count; i++)
        put_man_key(out, &keys[i]);
    put_text(out,
             ".SH ENVIRONMENT\n.TP\n\\fBROLLCALL_JWT_SECRET\\fR\nSets the key jwt_secret.\n"
             ".SH EXIT STATUS\n0 if all went well, 1 if something outside went wrong, 2 if the "
             "command line or the configuration is wrong.\n");
}
