/* SPDX-License-Identifier: MIT */
#include "app/cmd_docs.h"

#include <string.h>

#include "app/config_doc.h"
#include "base/buf.h"

static int run(struct command_line *line)
{
    const struct command_option *option;
    const char *page;
    struct buf text;
    int status;

    if (command_next(line, &option, &page) != COMMAND_OPERAND)
        page = "";
    buf_init(&text, BUF_UNBOUNDED);
    if (strcmp(page, "configuration") == 0)
        doc_put_configuration(&text);
    else if (strcmp(page, "man") == 0)
        doc_put_man(&text, &line->all);
    else if (strcmp(page, "sample") == 0)
        doc_put_sample(&text);
    if (text.len > 0)
        status = command_print(&text);
    else
        status = command_misused(line, "found \"%s\", allowed: configuration, man or sample", page);
    buf_release(&text);
    return status;
}

const struct command cmd_docs = {
    .name = "docs",
    .operands = "configuration|man|sample",
    .summary = "print a document that is made from the tables",
    .text = "For docs/configuration.md, packaging/rollcall.1 and packaging/rollcall.conf.",
    .hidden = true,
    .run = run,
};
