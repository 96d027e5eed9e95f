/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/base.h"
#include "vulkan/fx-spirv.h"

enum {
    OP_NAME = 5,
    OP_EXT_INST_IMPORT = 11,
    OP_MEMORY_MODEL = 14,
    OP_ENTRY_POINT = 15,
    OP_EXECUTION_MODE = 16,
    OP_CAPABILITY = 17,
    OP_TYPE_BOOL = 20,
    OP_TYPE_INT = 21,
    OP_TYPE_FLOAT = 22,
    OP_CONSTANT_TRUE = 41,
    OP_CONSTANT_FALSE = 42,
    OP_CONSTANT = 43,
    OP_FUNCTION = 54,
    OP_FUNCTION_PARAMETER = 55,
    OP_FUNCTION_END = 56,
    OP_LOAD = 61,
    OP_LABEL = 248,
    OP_RETURN_VALUE = 254,
    CAPABILITY_SIGNED_ZERO_INF_NAN_PRESERVE = 4466,
    MODE_SIGNED_ZERO_INF_NAN_PRESERVE = 4461,
};

/* What the emitter has to know about a module. Positions are word numbers. */
typedef struct Module {
    const guint32 *code;
    guint n;
    guint after_capabilities, memory_model, after_modes;
    guint first_function;
    guint fx_first, fx_end; /* body of fx: from its OpLabel to its OpFunctionEnd */
    guint32 entry, fx, ext;
    guint32 t_uint, t_int, t_float, t_bool;
    guint32 parameter[12];
    guint n_parameters;
} Module;

static gboolean is_name(const guint32 *at, guint length, const char *start)
{
    return length > 2 && strncmp((const char *)(at + 2), start, strlen(start)) == 0;
}

static void scan_declaration(Module *m, guint at, guint op, guint length)
{
    const guint32 *w = m->code + at;
    switch (op) {
    case OP_CAPABILITY: m->after_capabilities = at + length; break;
    case OP_EXT_INST_IMPORT:
        if (strcmp((const char *)(w + 2), "GLSL.std.450") == 0)
            m->ext = w[1];
        break;
    case OP_MEMORY_MODEL: m->memory_model = at; break;
    case OP_ENTRY_POINT:
        m->entry = w[2];
        m->after_modes = at + length;
        break;
    case OP_EXECUTION_MODE: m->after_modes = at + length; break;
    case OP_NAME:
        if (is_name(w, length, "fx("))
            m->fx = w[1];
        break;
    case OP_TYPE_BOOL: m->t_bool = w[1]; break;
    case OP_TYPE_INT:
        if (w[2] == 32)
            *(w[3] ? &m->t_int : &m->t_uint) = w[1];
        break;
    case OP_TYPE_FLOAT:
        if (w[2] == 32)
            m->t_float = w[1];
        break;
    default: break;
    }
}

static void scan_function(Module *m, guint at, guint op, gboolean *inside)
{
    const guint32 *w = m->code + at;
    if (op == OP_FUNCTION) {
        *inside = m->fx != 0 && w[2] == m->fx;
        if (m->first_function == 0)
            m->first_function = at;
    } else if (*inside && op == OP_FUNCTION_PARAMETER && m->n_parameters < 12) {
        m->parameter[m->n_parameters++] = w[2];
    } else if (*inside && op == OP_LABEL && m->fx_first == 0) {
        m->fx_first = at;
    } else if (*inside && op == OP_FUNCTION_END) {
        m->fx_end = at;
        *inside = FALSE;
    }
}

static gboolean scan(Module *m)
{
    gboolean inside = FALSE;
    if (m->n < 6 || m->code[0] != 0x07230203)
        return FALSE;
    for (guint at = 5; at < m->n;) {
        guint op = m->code[at] & 0xffff, length = m->code[at] >> 16;
        if (length == 0 || at + length > m->n)
            return FALSE;
        if (m->first_function == 0)
            scan_declaration(m, at, op, length);
        scan_function(m, at, op, &inside);
        at += length;
    }
    return m->memory_model > 0 && m->first_function > 0 && m->after_modes > 0;
}

static void append(GArray *words, const guint32 *from, guint n)
{
    g_array_append_vals(words, from, n);
}

static void append_op(GArray *words, guint op, guint n, const guint32 *args)
{
    guint32 head = (n + 1) << 16 | op;
    append(words, &head, 1);
    append(words, args, n);
}

guint32 fovea_vk_fx_const(FoveaVkFx *to, guint32 type, guint32 bits)
{
    guint64 key = (guint64)type << 32 | bits;
    guint32 id = GPOINTER_TO_UINT(g_hash_table_lookup(to->constants, &key));
    if (id != 0)
        return id;
    id = to->next_id++;
    if (type == to->t_bool)
        append_op(to->globals, bits ? OP_CONSTANT_TRUE : OP_CONSTANT_FALSE, 2,
                  (guint32[]){type, id});
    else
        append_op(to->globals, OP_CONSTANT, 3, (guint32[]){type, id, bits});
    g_hash_table_insert(to->constants, g_memdup2(&key, sizeof key), GUINT_TO_POINTER(id));
    return id;
}

guint32 fovea_vk_fx_emit(FoveaVkFx *to, guint16 opcode, guint32 type, guint n, const guint32 *args)
{
    guint32 head[3] = {(n + 3) << 16 | opcode, type, to->next_id++};
    append(to->body, head, 3);
    append(to->body, args, n);
    return head[2];
}

guint32 fovea_vk_fx_operand(FoveaVkFx *to, guint index)
{
    if (to->operand[index] == 0)
        to->operand[index] = fovea_vk_fx_emit(to, OP_LOAD, to->t_uint, 1, &to->parameter[index]);
    return to->operand[index];
}

static guint32 need_type(FoveaVkFx *to, guint32 have, guint op, guint n, guint32 a, guint32 b)
{
    guint32 id = have != 0 ? have : to->next_id++;
    if (have == 0)
        append_op(to->globals, op, n + 1, (guint32[]){id, a, b});
    return id;
}

/* The result as raw bits, whatever its class. */
static guint32 result_bits(FoveaVkFx *to, FoveaFxClass klass, guint32 id)
{
    enum { OP_BITCAST = 124, OP_SELECT = 169 };
    if (klass == FOVEA_FX_B)
        return fovea_vk_fx_emit(to, OP_SELECT, to->t_uint, 3,
                                (guint32[]){id, fovea_vk_fx_const(to, to->t_uint, 1),
                                            fovea_vk_fx_const(to, to->t_uint, 0)});
    return fovea_vk_fx_emit(to, OP_BITCAST, to->t_uint, 1, &id);
}

static void emit_body(FoveaVkFx *to, const FoveaExpr *fx)
{
    guint32 v[FOVEA_FX_MAX_NODES];
    guint32 label = to->next_id++;
    append_op(to->body, OP_LABEL, 1, &label);
    for (guint i = 0; i < fx->n; i++)
        v[i] = fovea_vk_fx_node(to, fx, i, v);
    guint32 bits = result_bits(to, fx->node[fx->n - 1].klass, v[fx->n - 1]);
    append_op(to->body, OP_RETURN_VALUE, 1, &bits);
}

/* Splices the pieces into a copy of the module, in the order that SPIR-V prescribes. */
static GArray *assemble(const Module *m, const FoveaVkFx *to, gboolean float_controls)
{
    GArray *out = g_array_sized_new(FALSE, FALSE, sizeof(guint32), m->n + 1024);
    append(out, m->code, m->after_capabilities);
    if (float_controls)
        append_op(out, OP_CAPABILITY, 1, (guint32[]){CAPABILITY_SIGNED_ZERO_INF_NAN_PRESERVE});
    append(out, m->code + m->after_capabilities, m->memory_model - m->after_capabilities);
    if (m->ext == 0) {
        guint32 import[5] = {to->ext, 0, 0, 0, 0};
        memcpy(import + 1, "GLSL.std.450", 13);
        append_op(out, OP_EXT_INST_IMPORT, 5, import);
    }
    append(out, m->code + m->memory_model, m->after_modes - m->memory_model);
    if (float_controls)
        append_op(out, OP_EXECUTION_MODE, 3,
                  (guint32[]){m->entry, MODE_SIGNED_ZERO_INF_NAN_PRESERVE, 32});
    append(out, m->code + m->after_modes, m->first_function - m->after_modes);
    append(out, (guint32 *)to->globals->data, to->globals->len);
    if (m->fx_end > 0 && to->body->len > 0) {
        append(out, m->code + m->first_function, m->fx_first - m->first_function);
        append(out, (guint32 *)to->body->data, to->body->len);
        append(out, m->code + m->fx_end, m->n - m->fx_end);
    } else {
        append(out, m->code + m->first_function, m->n - m->first_function);
    }
    g_array_index(out, guint32, 3) = to->next_id;
    return out;
}

const char *fovea_vk_fx_why_not(const FoveaExpr *fx)
{
    for (guint i = 0; i < fx->n; i++) {
        const FoveaFxNode *node = &fx->node[i];
        if (node->op == FX_LOAD)
            return "an expression that looks values up is not supported";
        if (node->op == FX_INDEX && node->i > 3)
            return "an expression that depends on a position beyond axis 3 is not supported";
        if (node->op == FX_ARG && node->i >= FOVEA_FX_MAX_ARGS)
            return "an expression of more than 8 operands is not supported";
    }
    return fx->n > 0 ? NULL : "an empty expression is not supported";
}

guint32 *fovea_vk_fx_module(const guint32 *code, guint n_words, const FoveaExpr *fx,
                            gboolean float_controls, guint *out_words, GError **error)
{
    Module m = {.code = code, .n = n_words};
    if (!scan(&m) || (fx != NULL && (m.fx_end == 0 || m.n_parameters != 12))) {
        fovea_fail(error, FOVEA_ERROR_FAILED, "A shader module has no place for an expression.");
        return NULL;
    }
    const char *why = fx != NULL ? fovea_vk_fx_why_not(fx) : NULL;
    if (why != NULL) {
        fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "On Vulkan %s.", why);
        return NULL;
    }
    FoveaVkFx to = {.globals = g_array_new(FALSE, FALSE, sizeof(guint32)),
                    .body = g_array_new(FALSE, FALSE, sizeof(guint32)),
                    .next_id = code[3],
                    .constants = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL)};
    memcpy(to.parameter, m.parameter, sizeof to.parameter);
    to.ext = m.ext != 0 ? m.ext : to.next_id++;
    to.t_uint = need_type(&to, m.t_uint, OP_TYPE_INT, 2, 32, 0);
    to.t_int = need_type(&to, m.t_int, OP_TYPE_INT, 2, 32, 1);
    to.t_float = need_type(&to, m.t_float, OP_TYPE_FLOAT, 1, 32, 0);
    to.t_bool = need_type(&to, m.t_bool, OP_TYPE_BOOL, 0, 0, 0);
    if (fx != NULL)
        emit_body(&to, fx);
    GArray *out = assemble(&m, &to, float_controls);
    g_array_unref(to.globals);
    g_array_unref(to.body);
    g_hash_table_unref(to.constants);
    *out_words = out->len;
    return (guint32 *)g_array_free(out, FALSE);
}
