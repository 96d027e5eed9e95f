/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/proto.h"

#define BLOCK_SIZE ((gsize)64 << 10)

typedef struct Reader {
    OnnxModel *model;
    guint8 *block; /* the arena's free part */
    gsize left;
    guint depth;
    GError **error;
} Reader;

typedef gboolean (*ParseFunc)(Reader *r, FoveaSpan message, void *into);

static gboolean parse_graph(Reader *r, FoveaSpan message, void *into);

static void *take(Reader *r, gsize n, gsize size)
{
    gsize bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > G_MAXSSIZE - 16) {
        fovea_fail(r->error, FOVEA_ERROR_NO_MEMORY, "The model's lists are too long");
        return NULL;
    }
    bytes = (bytes + 15) & ~(gsize)15;
    if (bytes > r->left) {
        gsize want = MAX(bytes, BLOCK_SIZE);
        guint8 *block = fovea_try_alloc(want, 1, r->error);
        if (block == NULL)
            return NULL;
        r->model->blocks = g_slist_prepend(r->model->blocks, block);
        if (want - bytes <= r->left)
            return block; /* a large list has a block of its own; the old one goes on */
        r->block = block;
        r->left = want;
    }
    void *memory = r->block;
    r->block += bytes;
    r->left -= bytes;
    return memory;
}

static gboolean malformed(Reader *r, const char *what)
{
    return fovea_fail(r->error, FOVEA_ERROR_MODEL,
                      "The model file is damaged: %s is cut short or malformed", what);
}

/* Every message passes here first: depth, and all lengths of its level. */
static gboolean enter(Reader *r, FoveaSpan message, const char *what)
{
    if (r->depth >= FOVEA_ONNX_MAX_NESTING)
        return fovea_fail(r->error, FOVEA_ERROR_MODEL,
                          "The model file nests its messages more than %d deep",
                          FOVEA_ONNX_MAX_NESTING);
    if (!fovea_wire_check(message))
        return malformed(r, what);
    r->depth++;
    return TRUE;
}

static gboolean leave(Reader *r)
{
    r->depth--;
    return TRUE;
}

/* A name: NUL-terminated copy. Names end up in messages and files, so they must be text. */
static gboolean parse_name(Reader *r, FoveaSpan bytes, void *into)
{
    if (bytes.size == 0) {
        *(const char **)into = "";
        return TRUE;
    }
    if (!g_utf8_validate_len((const char *)bytes.data, bytes.size, NULL))
        return fovea_fail(r->error, FOVEA_ERROR_MODEL,
                          "The model file is damaged: a name in it is not text");
    char *copy = take(r, bytes.size + 1, 1);
    if (copy == NULL)
        return FALSE;
    memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0';
    *(const char **)into = copy;
    return TRUE;
}

static gboolean keep_span(Reader *r, FoveaSpan bytes, void *into)
{
    *(FoveaSpan *)into = bytes;
    return TRUE;
}

static gboolean name(Reader *r, FoveaSpan message, guint32 number, const char **into)
{
    FoveaField field;
    *into = "";
    return !fovea_wire_find(message, number, FOVEA_WIRE_BYTES, &field) ||
           parse_name(r, field.bytes, into);
}

static gint64 integer(FoveaSpan message, guint32 number, gint64 fallback)
{
    FoveaField field;
    return fovea_wire_find(message, number, FOVEA_WIRE_VARINT, &field) ? (gint64)field.value
                                                                       : fallback;
}

static float real(FoveaSpan message, guint32 number)
{
    FoveaField field;
    float value = 0;
    if (fovea_wire_find(message, number, FOVEA_WIRE_FIXED32, &field)) {
        guint32 bits = (guint32)field.value;
        memcpy(&value, &bits, 4);
    }
    return value;
}

/* All entries of a repeated message or string: an array in the arena. */
static gboolean repeated(Reader *r, FoveaSpan message, guint32 number, gsize size, ParseFunc parse,
                         void *array, guint *n)
{
    FoveaWire wire = fovea_wire_open(message);
    FoveaField field;
    guint count = fovea_wire_count(message, number, FOVEA_WIRE_BYTES), at = 0;
    *n = 0;
    if (count == 0)
        return TRUE;
    guint8 *entries = take(r, count, size);
    if (entries == NULL)
        return FALSE;
    *(void **)array = entries;
    while (fovea_wire_next(&wire, &field)) {
        if (field.number != number || field.type != FOVEA_WIRE_BYTES)
            continue;
        if (!parse(r, field.bytes, entries + size * at++))
            return FALSE;
    }
    *n = count;
    return TRUE;
}

static gboolean integers(Reader *r, FoveaSpan message, guint32 number, gint64 **array, guint *n)
{
    gsize count;
    guint64 value;
    *n = 0;
    if (!fovea_numbers_count(message, number, FOVEA_WIRE_VARINT, &count) || count > G_MAXINT)
        return malformed(r, "a list of integers");
    if (count == 0)
        return TRUE;
    if ((*array = take(r, count, sizeof **array)) == NULL)
        return FALSE;
    FoveaNumbers numbers = fovea_numbers_open(message, number, FOVEA_WIRE_VARINT);
    while (fovea_numbers_next(&numbers, &value))
        (*array)[(*n)++] = (gint64)value;
    return TRUE;
}

static gboolean reals(Reader *r, FoveaSpan message, guint32 number, float **array, guint *n)
{
    gsize count;
    guint64 value;
    *n = 0;
    if (!fovea_numbers_count(message, number, FOVEA_WIRE_FIXED32, &count) || count > G_MAXINT)
        return malformed(r, "a list of numbers");
    if (count == 0)
        return TRUE;
    if ((*array = take(r, count, sizeof **array)) == NULL)
        return FALSE;
    FoveaNumbers numbers = fovea_numbers_open(message, number, FOVEA_WIRE_FIXED32);
    while (fovea_numbers_next(&numbers, &value)) {
        guint32 bits = (guint32)value;
        memcpy(&(*array)[(*n)++], &bits, 4);
    }
    return TRUE;
}

/* One optional message, made only where it is there. */
static gboolean optional(Reader *r, FoveaSpan message, guint32 number, gsize size, ParseFunc parse,
                         void *pointer)
{
    FoveaField field;
    if (!fovea_wire_find(message, number, FOVEA_WIRE_BYTES, &field))
        return TRUE;
    void *entry = take(r, 1, size);
    if (entry == NULL || !parse(r, field.bytes, entry))
        return FALSE;
    *(void **)pointer = entry;
    return TRUE;
}

static gboolean parse_number(const char *text, guint64 *value)
{
    return g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, value, NULL);
}

static gboolean parse_external(Reader *r, FoveaSpan message, void *into)
{
    OnnxTensor *tensor = into;
    FoveaWire wire = fovea_wire_open(message);
    FoveaField field;
    while (fovea_wire_next(&wire, &field)) {
        const char *key, *value;
        if (field.number != 13 || field.type != FOVEA_WIRE_BYTES)
            continue;
        if (!enter(r, field.bytes, "a reference to external data"))
            return FALSE;
        if (!name(r, field.bytes, 1, &key) || !name(r, field.bytes, 2, &value))
            return FALSE;
        if (g_str_equal(key, "location"))
            tensor->location = value;
        else if (g_str_equal(key, "length"))
            tensor->has_length = parse_number(value, &tensor->length);
        else if (g_str_equal(key, "offset") && !parse_number(value, &tensor->offset))
            return malformed(r, "a reference to external data");
        leave(r);
    }
    return TRUE;
}

static gboolean parse_tensor(Reader *r, FoveaSpan message, void *into)
{
    OnnxTensor *tensor = into;
    FoveaField field;
    if (!enter(r, message, "a tensor") || !name(r, message, 8, &tensor->name) ||
        !integers(r, message, 1, &tensor->dims, &tensor->rank))
        return FALSE;
    tensor->dtype = integer(message, 2, 0);
    tensor->message = message;
    tensor->has_raw = fovea_wire_find(message, 9, FOVEA_WIRE_BYTES, &field);
    if (tensor->has_raw)
        tensor->raw = field.bytes;
    tensor->external = integer(message, 14, 0) == 1;
    tensor->location = "";
    return (!tensor->external || parse_external(r, message, tensor)) && leave(r);
}

/* IR versions before 4 could leave the type out. */
static gint64 guess_type(const OnnxAttr *attr, FoveaSpan message)
{
    static const struct {
        guint32 field;
        FoveaWireType wire;
        OnnxAttrType type;
    } guesses[] = {
        {2, FOVEA_WIRE_FIXED32, ONNX_ATTR_FLOAT}, {3, FOVEA_WIRE_VARINT, ONNX_ATTR_INT},
        {4, FOVEA_WIRE_BYTES, ONNX_ATTR_STRING},  {5, FOVEA_WIRE_BYTES, ONNX_ATTR_TENSOR},
        {6, FOVEA_WIRE_BYTES, ONNX_ATTR_GRAPH},   {9, FOVEA_WIRE_BYTES, ONNX_ATTR_STRINGS}};
    for (guint i = 0; i < G_N_ELEMENTS(guesses); i++) {
        if (fovea_wire_count(message, guesses[i].field, guesses[i].wire) > 0)
            return guesses[i].type;
    }
    return attr->floats != NULL ? ONNX_ATTR_FLOATS
           : attr->ints != NULL ? ONNX_ATTR_INTS
                                : ONNX_ATTR_UNDEFINED;
}

static gboolean parse_attr(Reader *r, FoveaSpan message, void *into)
{
    OnnxAttr *attr = into;
    FoveaField field;
    guint n_floats, n_ints, n_strings;
    if (!enter(r, message, "an attribute") || !name(r, message, 1, &attr->name) ||
        !name(r, message, 21, &attr->ref) || !reals(r, message, 7, &attr->floats, &n_floats) ||
        !integers(r, message, 8, &attr->ints, &n_ints) ||
        !repeated(r, message, 9, sizeof(FoveaSpan), keep_span, &attr->strings, &n_strings) ||
        !optional(r, message, 5, sizeof(OnnxTensor), parse_tensor, &attr->t) ||
        !optional(r, message, 6, sizeof(OnnxGraph), parse_graph, &attr->g))
        return FALSE;
    attr->f = real(message, 2);
    attr->i = integer(message, 3, 0);
    if (fovea_wire_find(message, 4, FOVEA_WIRE_BYTES, &field))
        attr->s = field.bytes;
    attr->type = integer(message, 20, ONNX_ATTR_UNDEFINED);
    if (attr->type == ONNX_ATTR_UNDEFINED)
        attr->type = guess_type(attr, message);
    attr->n = attr->type == ONNX_ATTR_FLOATS    ? n_floats
              : attr->type == ONNX_ATTR_INTS    ? n_ints
              : attr->type == ONNX_ATTR_STRINGS ? n_strings
                                                : 0;
    return leave(r);
}

static gboolean parse_node(Reader *r, FoveaSpan message, void *into)
{
    OnnxNode *node = into;
    return enter(r, message, "a node") && name(r, message, 3, &node->name) &&
           name(r, message, 4, &node->op_type) && name(r, message, 7, &node->domain) &&
           name(r, message, 8, &node->overload) &&
           repeated(r, message, 1, sizeof(char *), parse_name, &node->in, &node->n_in) &&
           repeated(r, message, 2, sizeof(char *), parse_name, &node->out, &node->n_out) &&
           repeated(r, message, 5, sizeof(OnnxAttr), parse_attr, &node->attrs, &node->n_attrs) &&
           leave(r);
}

static gboolean parse_dim(Reader *r, FoveaSpan message, void *into)
{
    OnnxDim *dim = into;
    FoveaField field;
    if (!enter(r, message, "a dimension") || !name(r, message, 2, &dim->param))
        return FALSE;
    dim->has_value = fovea_wire_find(message, 1, FOVEA_WIRE_VARINT, &field);
    dim->value = dim->has_value ? (gint64)field.value : -1;
    return leave(r);
}

static gboolean parse_tensor_type(Reader *r, FoveaSpan message, OnnxValueInfo *info)
{
    FoveaField shape;
    if (!enter(r, message, "a type"))
        return FALSE;
    info->dtype = integer(message, 1, 0);
    info->has_shape = fovea_wire_find(message, 2, FOVEA_WIRE_BYTES, &shape);
    if (info->has_shape &&
        (!enter(r, shape.bytes, "a shape") ||
         !repeated(r, shape.bytes, 1, sizeof(OnnxDim), parse_dim, &info->dims, &info->rank) ||
         !leave(r)))
        return FALSE;
    return leave(r);
}

static gboolean parse_value_info(Reader *r, FoveaSpan message, void *into)
{
    OnnxValueInfo *info = into;
    FoveaField type, each;
    if (!enter(r, message, "an input or output") || !name(r, message, 1, &info->name))
        return FALSE;
    if (!fovea_wire_find(message, 2, FOVEA_WIRE_BYTES, &type))
        return leave(r);
    if (!enter(r, type.bytes, "a type"))
        return FALSE;
    static const OnnxKind kinds[] = {ONNX_KIND_TENSOR, ONNX_KIND_SEQUENCE, ONNX_KIND_MAP,
                                     ONNX_KIND_OPAQUE, ONNX_KIND_SPARSE,   ONNX_KIND_OPTIONAL};
    for (guint i = 0; i < G_N_ELEMENTS(kinds) && info->kind == ONNX_KIND_NONE; i++) {
        if (fovea_wire_find(type.bytes, kinds[i], FOVEA_WIRE_BYTES, &each))
            info->kind = kinds[i];
    }
    if (info->kind == ONNX_KIND_TENSOR && !parse_tensor_type(r, each.bytes, info))
        return FALSE;
    leave(r);
    return leave(r);
}

static gboolean parse_graph(Reader *r, FoveaSpan message, void *into)
{
    OnnxGraph *graph = into;
    if (!enter(r, message, "the graph") || !name(r, message, 2, &graph->name) ||
        !repeated(r, message, 1, sizeof(OnnxNode), parse_node, &graph->nodes, &graph->n_nodes) ||
        !repeated(r, message, 5, sizeof(OnnxTensor), parse_tensor, &graph->inits,
                  &graph->n_inits) ||
        !repeated(r, message, 11, sizeof(OnnxValueInfo), parse_value_info, &graph->inputs,
                  &graph->n_inputs) ||
        !repeated(r, message, 12, sizeof(OnnxValueInfo), parse_value_info, &graph->outputs,
                  &graph->n_outputs))
        return FALSE;
    graph->n_sparse = fovea_wire_count(message, 15, FOVEA_WIRE_BYTES);
    return leave(r);
}

static gboolean parse_opset(Reader *r, FoveaSpan message, void *into)
{
    OnnxOpset *opset = into;
    if (!enter(r, message, "an opset import") || !name(r, message, 1, &opset->domain))
        return FALSE;
    opset->version = integer(message, 2, 0);
    return leave(r);
}

static gboolean parse_function(Reader *r, FoveaSpan message, void *into)
{
    OnnxFunction *f = into;
    return enter(r, message, "a function") && name(r, message, 1, &f->name) &&
           name(r, message, 10, &f->domain) && name(r, message, 13, &f->overload) &&
           repeated(r, message, 4, sizeof(char *), parse_name, &f->inputs, &f->n_inputs) &&
           repeated(r, message, 5, sizeof(char *), parse_name, &f->outputs, &f->n_outputs) &&
           repeated(r, message, 11, sizeof(OnnxAttr), parse_attr, &f->defaults, &f->n_defaults) &&
           repeated(r, message, 7, sizeof(OnnxNode), parse_node, &f->nodes, &f->n_nodes) &&
           repeated(r, message, 9, sizeof(OnnxOpset), parse_opset, &f->opsets, &f->n_opsets) &&
           leave(r);
}

static gboolean parse_model(Reader *r, FoveaSpan file)
{
    OnnxModel *model = r->model;
    FoveaField graph;
    if (!fovea_wire_check(file))
        return fovea_fail(r->error, FOVEA_ERROR_MODEL,
                          "The file is not an ONNX model, or it is cut short");
    if (!fovea_wire_find(file, 7, FOVEA_WIRE_BYTES, &graph))
        return fovea_fail(r->error, FOVEA_ERROR_MODEL,
                          "The file is not an ONNX model: it holds no graph");
    model->ir_version = integer(file, 1, 0);
    return name(r, file, 2, &model->producer) &&
           repeated(r, file, 8, sizeof(OnnxOpset), parse_opset, &model->opsets, &model->n_opsets) &&
           parse_graph(r, graph.bytes, &model->graph) &&
           repeated(r, file, 25, sizeof(OnnxFunction), parse_function, &model->functions,
                    &model->n_functions);
}

OnnxModel *fovea_onnx_parse(FoveaSpan file, GError **error)
{
    OnnxModel *model = g_new0(OnnxModel, 1);
    Reader reader = {.model = model, .error = error};
    if (parse_model(&reader, file))
        return model;
    fovea_onnx_free(model);
    return NULL;
}

FoveaTensor *fovea_onnx_read_tensor(GBytes *bytes, GError **error)
{
    g_autoptr(OnnxModel) model = g_new0(OnnxModel, 1);
    Reader reader = {.model = model, .error = error};
    OnnxSource source = {.bytes = bytes};
    OnnxTensor tensor = {0};
    FoveaSpan span;
    span.data = g_bytes_get_data(bytes, &span.size);
    return parse_tensor(&reader, span, &tensor) ? fovea_onnx_tensor(&tensor, &source, error) : NULL;
}

void fovea_onnx_free(OnnxModel *model)
{
    if (model == NULL)
        return;
    g_slist_free_full(model->blocks, fovea_free);
    g_free(model);
}

gboolean fovea_onnx_is_default_domain(const char *domain)
{
    return *domain == '\0' || g_str_equal(domain, "ai.onnx");
}

gint64 fovea_onnx_opset(const OnnxOpset *opsets, guint n, const char *domain)
{
    gboolean is_default = fovea_onnx_is_default_domain(domain);
    for (guint i = 0; i < n; i++) {
        if (is_default ? fovea_onnx_is_default_domain(opsets[i].domain)
                       : g_str_equal(opsets[i].domain, domain))
            return opsets[i].version;
    }
    return 0;
}
