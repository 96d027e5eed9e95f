/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx/build.c: names become values, functions are opened where they are called, every node goes
 * through its rule.
 */
#include "onnx/build.h"

typedef struct Builder {
    const OnnxModel *model;
    OnnxSource *source;
    GHashTable *functions; /* "domain\nname\noverload" -> OnnxFunction* */
    GHashTable *op_counts;
    guint n_nodes, n_opened, n_calls;
    FoveaProgressFunc progress;
    gpointer progress_data;
} Builder;

/* Where names mean something: the main graph, a subgraph, or the inside of one function call. */
typedef struct Scope {
    Builder *builder;
    FoveaGraph *graph;
    struct Scope *outer; /* of a subgraph; NULL elsewhere, for a function sees nothing outside */
    GHashTable *values;  /* name in the file -> FoveaValue* */
    GHashTable *results; /* function call: formal output -> the caller's value; else NULL */
    /* function call: what ref_attr_name means inside */
    const OnnxAttr **bound;
    guint n_bound;
    const char *prefix; /* before the names of values */
    const OnnxOpset *opsets;
    guint n_opsets;
    guint depth;
} Scope;

static gboolean build_nodes(Scope *scope, const OnnxNode *nodes, guint n, GError **error);

static Scope scope_open(const Scope *like, FoveaGraph *graph)
{
    Scope scope = *like;
    scope.graph = graph;
    scope.outer = NULL;
    scope.results = NULL;
    scope.values = g_hash_table_new(g_str_hash, g_str_equal);
    scope.depth++;
    return scope;
}

static void scope_close(Scope *scope)
{
    g_hash_table_destroy(scope->values);
    if (scope->results != NULL)
        g_hash_table_destroy(scope->results);
}

static char *prefixed(const Scope *scope, const char *name)
{
    return g_strconcat(scope->prefix, name, NULL);
}

/* A name in this scope, captured from the outside where it is not its own. NULL: unknown. */
static FoveaValue *lookup(Scope *scope, const char *name)
{
    FoveaValue *value = g_hash_table_lookup(scope->values, name), *outside;
    if (value != NULL || scope->outer == NULL)
        return value;
    outside = lookup(scope->outer, name);
    if (outside == NULL)
        return NULL;
    value = outside->constant != NULL
                ? fovea_graph_add_constant(scope->graph, outside->name, outside->constant)
                : fovea_graph_add_value(scope->graph, outside->name);
    g_hash_table_insert(scope->values, (gpointer)name, value);
    return value;
}

static gboolean define(Scope *scope, const char *name, FoveaValue *value, GError **error)
{
    if (scope->graph->values->len > FOVEA_ONNX_MAX_VALUES)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "The model has more than %u values",
                          FOVEA_ONNX_MAX_VALUES);
    if (g_hash_table_insert(scope->values, (gpointer)name, value))
        return TRUE;
    return fovea_fail(error, FOVEA_ERROR_MODEL, "The model defines the value '%s' twice", name);
}

/* A fresh value for a node's output; inside a function the caller's value for a formal output. */
static FoveaValue *define_output(Scope *scope, const char *name, GError **error)
{
    FoveaValue *value = scope->results != NULL ? g_hash_table_lookup(scope->results, name) : NULL;
    if (value == NULL) {
        g_autofree char *full = prefixed(scope, name);
        value = fovea_graph_add_value(scope->graph, full);
    }
    return define(scope, name, value, error) ? value : NULL;
}

static gboolean read_inits(Scope *scope, const OnnxGraph *graph, GError **error)
{
    if (graph->n_sparse > 0)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "The model has sparse initialisers, which Fovea does not read");
    for (guint i = 0; i < graph->n_inits; i++) {
        const OnnxTensor *init = &graph->inits[i];
        g_autoptr(FoveaTensor) tensor = fovea_onnx_tensor(init, scope->builder->source, error);
        if (tensor == NULL)
            return FALSE;
        g_autofree char *full = prefixed(scope, init->name);
        if (!define(scope, init->name, fovea_graph_add_constant(scope->graph, full, tensor), error))
            return FALSE;
    }
    return TRUE;
}

static const char *kind_name(OnnxKind kind)
{
    switch (kind) {
    case ONNX_KIND_SEQUENCE: return "a sequence";
    case ONNX_KIND_MAP: return "a map";
    case ONNX_KIND_OPTIONAL: return "optional";
    case ONNX_KIND_SPARSE: return "a sparse tensor";
    default: return "of an opaque type";
    }
}

/* What the file says about an input's type goes into the value. */
static gboolean declare_type(FoveaGraph *graph, FoveaValue *value, const OnnxValueInfo *info,
                             GError **error)
{
    if (info->kind != ONNX_KIND_NONE && info->kind != ONNX_KIND_TENSOR)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "'%s' is %s; Fovea has tensors only",
                          info->name, kind_name(info->kind));
    if (info->dtype != 0 &&
        (info->dtype < 0 || info->dtype > 63 || fovea_dtype_size((FoveaDtype)info->dtype) == 0))
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "'%s' has ONNX element type %" G_GINT64_FORMAT
                          ", which Fovea does not have",
                          info->name, info->dtype);
    if (info->rank > FOVEA_MAX_RANK)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "'%s' has rank %u (at most %d)",
                          info->name, info->rank, FOVEA_MAX_RANK);
    value->dtype = (FoveaDtype)info->dtype;
    value->rank = info->has_shape ? (gint)info->rank : -1;
    for (guint i = 0; i < info->rank; i++) {
        const OnnxDim *dim = &info->dims[i];
        /* -1 is widely written for "any"; below that there is no reading. */
        if (dim->has_value && dim->value < -1)
            return fovea_fail(error, FOVEA_ERROR_MODEL,
                              "'%s' declares the negative size %" G_GINT64_FORMAT, info->name,
                              dim->value);
        value->dims[i] = fovea_dim(dim->value);
        if (*dim->param != '\0')
            value->dim_names[i] = fovea_graph_intern(graph, dim->param);
    }
    return TRUE;
}

static gboolean read_inputs(Scope *scope, const OnnxGraph *graph, GError **error)
{
    for (guint i = 0; i < graph->n_inputs; i++) {
        const OnnxValueInfo *info = &graph->inputs[i];
        /* Before IR 4 every initialiser had to be listed as an input too. */
        FoveaValue *value = g_hash_table_lookup(scope->values, info->name);
        if (value != NULL && value->constant != NULL)
            continue;
        g_autofree char *full = prefixed(scope, info->name);
        value = fovea_graph_add_value(scope->graph, full);
        if (!define(scope, info->name, value, error) ||
            !declare_type(scope->graph, value, info, error))
            return FALSE;
        fovea_graph_add_input(scope->graph, value);
    }
    return TRUE;
}

static FoveaValue *through_identity(Scope *scope, FoveaValue *from, FoveaValue *to, GError **error)
{
    OnnxBuild b = {.graph = scope->graph, .name = "", .scope = scope};
    return fovea_onnx_add(&b, "Identity", &from, 1, to, NULL, error);
}

static gboolean read_outputs(Scope *scope, const OnnxGraph *graph, GError **error)
{
    for (guint i = 0; i < graph->n_outputs; i++) {
        const OnnxValueInfo *info = &graph->outputs[i];
        FoveaValue *value = lookup(scope, info->name);
        if (value == NULL)
            return fovea_fail(error, FOVEA_ERROR_MODEL,
                              "Nothing in the model makes its output '%s'", info->name);
        if (info->kind != ONNX_KIND_NONE && info->kind != ONNX_KIND_TENSOR)
            return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                              "Output '%s' is %s; Fovea has "
                              "tensors only",
                              info->name, kind_name(info->kind));
        if (value->output >= 0) {
            if (scope->outer == NULL)
                return fovea_fail(error, FOVEA_ERROR_MODEL, "The model lists output '%s' twice",
                                  info->name);
            value = through_identity(scope, value, NULL, error);
            if (value == NULL)
                return FALSE;
        }
        fovea_graph_add_output(scope->graph, value);
    }
    return TRUE;
}

/* Counts of inputs and outputs are checked here, after all rewriting, so that no shape rule has to. */
static gboolean check_counts(const FoveaGraph *graph, GError **error)
{
    for (const FoveaNode *node = graph->first; node != NULL; node = node->next) {
        const FoveaOp *op = node->op;
        gboolean good = node->n_in >= op->min_in && (op->max_in == 255 || node->n_in <= op->max_in);
        good = good && node->n_out >= op->min_out &&
               (op->max_out == 255 || node->n_out <= op->max_out);
        for (guint i = 0; i < op->min_in && good; i++)
            good = node->in[i] != NULL;
        if (!good)
            return fovea_fail(error, FOVEA_ERROR_MODEL,
                              "%s '%s' has %u inputs and %u outputs, which it cannot have",
                              op->name, node->name, node->n_in, node->n_out);
    }
    return TRUE;
}

static gboolean build_graph(Scope *scope, const OnnxGraph *graph, GError **error)
{
    return read_inits(scope, graph, error) && read_inputs(scope, graph, error) &&
           build_nodes(scope, graph->nodes, graph->n_nodes, error) &&
           read_outputs(scope, graph, error) && check_counts(scope->graph, error);
}

FoveaGraph *fovea_onnx_build_subgraph(OnnxBuild *b, const OnnxGraph *graph, GError **error)
{
    Scope *outer = b->scope;
    if (outer->depth >= FOVEA_ONNX_MAX_NESTING) {
        fovea_onnx_fail(b, error, FOVEA_ERROR_MODEL, "its graphs are nested too deeply");
        return NULL;
    }
    FoveaGraph *inner = fovea_graph_new();
    Scope scope = scope_open(outer, inner);
    scope.outer = outer;
    inner->outer = outer->graph;
    inner->opset = outer->graph->opset;
    gboolean done = build_graph(&scope, graph, error);
    scope_close(&scope);
    if (done)
        return inner;
    fovea_graph_free(inner);
    return NULL;
}

static const OnnxFunction *find_function(const Builder *builder, const OnnxNode *node)
{
    g_autofree char *key = g_strconcat(fovea_onnx_is_default_domain(node->domain) ? ""
                                                                                  : node->domain,
                                       "\n", node->op_type, "\n", node->overload, NULL);
    return g_hash_table_lookup(builder->functions, key);
}

/* A function's body is built in place: formal inputs and outputs stand for the caller's values. */
static gboolean open_function(Scope *caller, const OnnxFunction *f, OnnxBuild *call, GError **error)
{
    if (caller->depth >= FOVEA_ONNX_MAX_NESTING)
        return fovea_onnx_fail(call, error, FOVEA_ERROR_MODEL,
                               "model-local functions call each other too deeply");
    if (call->n_in > f->n_inputs || call->n_out > f->n_outputs)
        return fovea_onnx_fail(call, error, FOVEA_ERROR_MODEL,
                               "more inputs or outputs than the function has");
    Scope scope = scope_open(caller, caller->graph);
    g_autofree char *prefix = g_strdup_printf("%%%u.%s/", caller->builder->n_calls++, f->name);
    GPtrArray *bound = g_ptr_array_new();
    gboolean done = TRUE;
    for (guint i = 0; i < call->n_attrs; i++)
        g_ptr_array_add(bound, (gpointer)call->attrs[i]);
    for (guint i = 0; i < f->n_defaults; i++)
        g_ptr_array_add(bound, &f->defaults[i]); /* the first of a name counts */
    scope.bound = (const OnnxAttr **)bound->pdata;
    scope.n_bound = bound->len;
    scope.prefix = prefix;
    scope.opsets = f->n_opsets > 0 ? f->opsets : caller->opsets;
    scope.n_opsets = f->n_opsets > 0 ? f->n_opsets : caller->n_opsets;
    scope.results = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < call->n_in && done; i++) {
        done = define(&scope, f->inputs[i], call->in[i], error);
    }
    for (guint i = 0; i < call->n_out; i++) {
        if (call->out[i] != NULL)
            g_hash_table_insert(scope.results, (gpointer)f->outputs[i], call->out[i]);
    }
    /* An absent formal input reads as an absent input of the nodes inside: see resolve(). */
    for (guint i = call->n_in; i < f->n_inputs && done; i++)
        g_hash_table_insert(scope.values, (gpointer)f->inputs[i], NULL);
    done = done && build_nodes(&scope, f->nodes, f->n_nodes, error);
    for (guint i = 0; i < call->n_out && done; i++) {
        FoveaValue *made = g_hash_table_lookup(scope.values, f->outputs[i]);
        if (call->out[i] == NULL || made == call->out[i])
            continue;
        if (made == NULL)
            done = fovea_onnx_fail(call, error, FOVEA_ERROR_MODEL,
                                   "the function does not make its output '%s'", f->outputs[i]);
        else
            done = through_identity(&scope, made, call->out[i], error) != NULL;
    }
    g_ptr_array_free(bound, TRUE);
    scope_close(&scope);
    return done;
}

/* ---- one node ---- */

static gboolean resolve(Scope *scope, OnnxBuild *b, GError **error)
{
    const OnnxNode *node = b->node;
    b->n_in = node->n_in;
    b->n_out = node->n_out;
    while (b->n_in > 0 && *node->in[b->n_in - 1] == '\0')
        b->n_in--;
    while (b->n_out > 0 && *node->out[b->n_out - 1] == '\0')
        b->n_out--;
    for (guint i = 0; i < b->n_in; i++) {
        if (*node->in[i] == '\0')
            continue;
        b->in[i] = lookup(scope, node->in[i]);
        if (b->in[i] == NULL && !g_hash_table_contains(scope->values, node->in[i]))
            return fovea_onnx_fail(b, error, FOVEA_ERROR_MODEL,
                                   "it reads '%s', which nothing in the model makes", node->in[i]);
    }
    while (b->n_in > 0 && b->in[b->n_in - 1] == NULL)
        b->n_in--;
    for (guint i = 0; i < b->n_out; i++) {
        if (*node->out[i] == '\0')
            continue;
        b->out[i] = define_output(scope, node->out[i], error);
        if (b->out[i] == NULL)
            return FALSE;
    }
    return TRUE;
}

/* Attributes of the node with ref_attr_name followed; a reference to nothing is left out. `copies`
 * keeps those that had to change their name. */
static void resolve_attrs(const Scope *scope, OnnxBuild *b, OnnxAttr *copies)
{
    for (guint i = 0; i < b->node->n_attrs; i++) {
        const OnnxAttr *attr = &b->node->attrs[i];
        if (*attr->ref == '\0') {
            b->attrs[b->n_attrs++] = attr;
            continue;
        }
        for (guint k = 0; k < scope->n_bound; k++) {
            if (!g_str_equal(scope->bound[k]->name, attr->ref))
                continue;
            copies[i] = *scope->bound[k];
            copies[i].name = attr->name;
            copies[i].ref = "";
            b->attrs[b->n_attrs++] = &copies[i];
            break;
        }
    }
}

static void count_op(Builder *builder, const OnnxNode *node)
{
    gpointer count;
    char *name = fovea_onnx_is_default_domain(node->domain)
                     ? g_strdup(node->op_type)
                     : g_strconcat(node->domain, ".", node->op_type, NULL);
    count = g_hash_table_lookup(builder->op_counts, name);
    g_hash_table_insert(builder->op_counts, name, GUINT_TO_POINTER(GPOINTER_TO_UINT(count) + 1));
}

static gboolean build_resolved(Scope *scope, OnnxBuild *b, GError **error)
{
    Builder *builder = scope->builder;
    const OnnxFunction *function = find_function(builder, b->node);
    if (function != NULL)
        return open_function(scope, function, b, error);
    if (b->n_out == 0)
        return TRUE; /* nothing of it can be read */
    b->opset = fovea_onnx_opset(scope->opsets, scope->n_opsets, b->node->domain);
    if (b->opset == 0)
        return fovea_onnx_fail(b, error, FOVEA_ERROR_MODEL,
                               "the model does not import its operator set '%s'", b->node->domain);
    count_op(builder, b->node);
    return fovea_onnx_build_node(b, error);
}

static gboolean build_node(Scope *scope, const OnnxNode *node, GError **error)
{
    if (++scope->builder->n_nodes > FOVEA_ONNX_MAX_NODES)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "The model has more than %u nodes",
                          FOVEA_ONNX_MAX_NODES);
    if (scope->results != NULL && ++scope->builder->n_opened > FOVEA_ONNX_MAX_OPENED)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "The model's functions make more than %u nodes", FOVEA_ONNX_MAX_OPENED);
    g_autofree char *name = prefixed(scope, node->name);
    OnnxBuild b = {.graph = scope->graph,
                   .node = node,
                   .name = name,
                   .source = scope->builder->source,
                   .scope = scope};
    OnnxAttr *copies = g_new(OnnxAttr, node->n_attrs);
    b.in = g_new0(FoveaValue *, node->n_in);
    b.out = g_new0(FoveaValue *, node->n_out);
    b.attrs = g_new0(const OnnxAttr *, node->n_attrs);
    resolve_attrs(scope, &b, copies);
    gboolean done = resolve(scope, &b, error) && build_resolved(scope, &b, error);
    g_free(b.in);
    g_free(b.out);
    g_free(b.attrs);
    g_free(copies);
    return done;
}

static gboolean build_nodes(Scope *scope, const OnnxNode *nodes, guint n, GError **error)
{
    Builder *builder = scope->builder;
    g_autofree guint *order = fovea_onnx_order(nodes, n, error);
    if (order == NULL)
        return FALSE;
    for (guint i = 0; i < n; i++) {
        if (!build_node(scope, &nodes[order[i]], error))
            return FALSE;
        if (builder->progress != NULL && scope->depth == 0 && i % 256 == 255)
            builder->progress("read", 0.5 + 0.5 * (i + 1) / n, builder->progress_data);
    }
    return TRUE;
}

/* ---- operators that we do not have ---- */

static void note_unknown(const Builder *builder, const OnnxNode *nodes, guint n,
                         GHashTable *seen_functions, GHashTable *unknown, guint depth)
{
    for (guint i = 0; i < n; i++) {
        const OnnxNode *node = &nodes[i];
        const OnnxFunction *f = find_function(builder, node);
        if (f != NULL) {
            if (depth < FOVEA_ONNX_MAX_NESTING && g_hash_table_add(seen_functions, (gpointer)f))
                note_unknown(builder, f->nodes, f->n_nodes, seen_functions, unknown, depth + 1);
        } else if (!fovea_onnx_knows(node->domain, node->op_type)) {
            char *name = fovea_onnx_is_default_domain(node->domain)
                             ? g_strdup(node->op_type)
                             : g_strconcat(node->domain, ".", node->op_type, NULL);
            guint count = GPOINTER_TO_UINT(g_hash_table_lookup(unknown, name));
            g_hash_table_insert(unknown, name, GUINT_TO_POINTER(count + 1));
            continue; /* what lies inside of it is not looked at */
        }
        for (guint k = 0; k < node->n_attrs; k++) {
            if (node->attrs[k].g != NULL && depth < FOVEA_ONNX_MAX_NESTING)
                note_unknown(builder, node->attrs[k].g->nodes, node->attrs[k].g->n_nodes,
                             seen_functions, unknown, depth + 1);
        }
    }
}

static gboolean check_operators(const Builder *builder, GError **error)
{
    GHashTable *unknown = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTable *functions = g_hash_table_new(NULL, NULL);
    const OnnxGraph *graph = &builder->model->graph;
    note_unknown(builder, graph->nodes, graph->n_nodes, functions, unknown, 0);
    gboolean known = g_hash_table_size(unknown) == 0;
    if (!known) {
        GString *list = g_string_new(NULL);
        GList *names = g_list_sort(g_hash_table_get_keys(unknown), (GCompareFunc)strcmp);
        for (GList *l = names; l != NULL; l = l->next)
            g_string_append_printf(list, "%s%s (%u)", list->len ? ", " : "", (char *)l->data,
                                   GPOINTER_TO_UINT(g_hash_table_lookup(unknown, l->data)));
        fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                   "The model uses operators that Fovea does not have: %s", list->str);
        g_list_free(names);
        g_string_free(list, TRUE);
    }
    g_hash_table_destroy(unknown);
    g_hash_table_destroy(functions);
    return known;
}

static void index_functions(Builder *builder)
{
    builder->functions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < builder->model->n_functions; i++) {
        OnnxFunction *f = &builder->model->functions[i];
        g_hash_table_insert(builder->functions,
                            g_strconcat(fovea_onnx_is_default_domain(f->domain) ? "" : f->domain,
                                        "\n", f->name, "\n", f->overload, NULL),
                            f);
    }
}

FoveaGraph *fovea_onnx_build(const OnnxModel *model, OnnxSource *source, GHashTable *op_counts,
                             FoveaProgressFunc progress, gpointer progress_data, GError **error)
{
    Builder builder = {.model = model,
                       .source = source,
                       .op_counts = op_counts,
                       .progress = progress,
                       .progress_data = progress_data};
    FoveaGraph *graph = fovea_graph_new();
    Scope scope = {.builder = &builder,
                   .graph = graph,
                   .prefix = "",
                   .values = g_hash_table_new(g_str_hash, g_str_equal),
                   .opsets = model->opsets,
                   .n_opsets = model->n_opsets};
    graph->opset = fovea_onnx_opset(model->opsets, model->n_opsets, "");
    index_functions(&builder);
    gboolean done = check_operators(&builder, error) && build_graph(&scope, &model->graph, error);
    g_hash_table_destroy(builder.functions);
    scope_close(&scope);
    if (done)
        return graph;
    fovea_graph_free(graph);
    return NULL;
}
