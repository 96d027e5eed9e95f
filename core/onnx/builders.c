/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx/builders.c: the table ONNX operator -> builder. What is not in it has one form since opset 7
 * and becomes the core operator of the same name. A builder rewrites older forms to the meaning of
 * the newest opset; after it nobody needs to know the opset.
 */
#include "onnx/build.h"

/* An attribute of older opsets that is an input now. */
static gboolean ints_to_input(OnnxBuild *b, FoveaNode *node, const char *name, guint slot,
                              GError **error)
{
    const OnnxAttr *attr = fovea_onnx_attr(b, name);
    if (attr == NULL || attr->type != ONNX_ATTR_INTS)
        return TRUE;
    FoveaValue *value = fovea_onnx_const_ints(b, attr->ints, attr->n, error);
    if (value == NULL)
        return FALSE;
    fovea_onnx_put_input(node, slot, value);
    fovea_node_remove_attr(node, name);
    return TRUE;
}

static gboolean need_inputs(const OnnxBuild *b, guint n, GError **error)
{
    for (guint i = 0; i < n; i++) {
        if (i >= b->n_in || b->in[i] == NULL)
            return fovea_onnx_fail(b, error, FOVEA_ERROR_MODEL, "input %u is absent", i);
    }
    return TRUE;
}

static gboolean need_output(const OnnxBuild *b, GError **error)
{
    return b->out[0] != NULL ||
           fovea_onnx_fail(b, error, FOVEA_ERROR_MODEL, "its first output is absent");
}

/* ReduceXxx, Squeeze, Unsqueeze: the attribute axes became input 1. */
static gboolean build_axes(OnnxBuild *b, GError **error)
{
    if (!need_inputs(b, 1, error))
        return FALSE;
    FoveaNode *node = fovea_onnx_emit(b, b->node->op_type, error);
    return node != NULL && ints_to_input(b, node, "axes", 1, error);
}

static gboolean build_split(OnnxBuild *b, GError **error)
{
    if (!need_inputs(b, 1, error))
        return FALSE;
    FoveaNode *node = fovea_onnx_emit(b, "Split", error);
    if (node == NULL || !ints_to_input(b, node, "split", 1, error))
        return FALSE;
    if (node->n_in < 2 && fovea_node_attr(node, "num_outputs") == NULL)
        fovea_node_set_int(node, "num_outputs", node->n_out);
    return TRUE;
}

static gboolean build_slice(OnnxBuild *b, GError **error)
{
    if (!need_inputs(b, 1, error))
        return FALSE;
    FoveaNode *node = fovea_onnx_emit(b, "Slice", error);
    return node != NULL && ints_to_input(b, node, "starts", 1, error) &&
           ints_to_input(b, node, "ends", 2, error) && ints_to_input(b, node, "axes", 3, error);
}

static gboolean float_to_input(OnnxBuild *b, FoveaNode *node, const char *name, guint slot,
                               GError **error)
{
    const OnnxAttr *attr = fovea_onnx_attr(b, name);
    if (attr == NULL || attr->type != ONNX_ATTR_FLOAT)
        return TRUE;
    /* The type of the data is rarely known yet; shape rules take f32 for any float here. */
    FoveaDtype dtype = fovea_dtype_is_float(b->in[0]->dtype) ? b->in[0]->dtype : FOVEA_DTYPE_F32;
    FoveaValue *value = fovea_onnx_const_float(b, dtype, attr->f, error);
    if (value == NULL)
        return FALSE;
    fovea_onnx_put_input(node, slot, value);
    fovea_node_remove_attr(node, name);
    return TRUE;
}

static gboolean build_pad(OnnxBuild *b, GError **error)
{
    if (!need_inputs(b, 1, error))
        return FALSE;
    FoveaNode *node = fovea_onnx_emit(b, "Pad", error);
    return node != NULL && ints_to_input(b, node, "pads", 1, error) &&
           float_to_input(b, node, "value", 2, error);
}

static gboolean build_clip(OnnxBuild *b, GError **error)
{
    if (!need_inputs(b, 1, error))
        return FALSE;
    FoveaNode *node = fovea_onnx_emit(b, "Clip", error);
    return node != NULL && float_to_input(b, node, "min", 1, error) &&
           float_to_input(b, node, "max", 2, error);
}

/* At inference Dropout does nothing, and its mask keeps everything. */
static gboolean build_dropout(OnnxBuild *b, GError **error)
{
    if (!need_inputs(b, 1, error))
        return FALSE;
    const FoveaValue *training = b->n_in > 2 ? b->in[2] : NULL;
    const FoveaValue *ratio = b->n_in > 1 ? b->in[1] : NULL;
    if (training != NULL) {
        gboolean off = training->constant != NULL && training->constant->n_elements > 0 &&
                       fovea_load_i64(training->constant->dtype, training->constant->data, 0) == 0;
        gboolean none = ratio != NULL && ratio->constant != NULL &&
                        ratio->constant->n_elements > 0 &&
                        fovea_load_f64(ratio->constant->dtype, ratio->constant->data, 0) == 0;
        if (!off && !none)
            return fovea_onnx_fail(b, error, FOVEA_ERROR_UNSUPPORTED,
                                   "its training mode is not constantly off");
    }
    if (b->out[0] != NULL &&
        fovea_onnx_add(b, "Identity", b->in, 1, b->out[0], NULL, error) == NULL)
        return FALSE;
    if (b->n_out < 2 || b->out[1] == NULL)
        return TRUE;
    FoveaValue *shape = fovea_onnx_add(b, "Shape", b->in, 1, NULL, NULL, error);
    FoveaNode *fill;
    gint64 one[1] = {1};
    g_autoptr(FoveaTensor) truth = fovea_tensor_new(FOVEA_DTYPE_BOOL, 1, one, error);
    if (shape == NULL || truth == NULL ||
        fovea_onnx_add(b, "ConstantOfShape", &shape, 1, b->out[1], &fill, error) == NULL)
        return FALSE;
    *(guint8 *)truth->data = 1;
    fovea_node_set_tensor(fill, "value", truth);
    return TRUE;
}

/* Upsample, and Resize of opset 10: no roi, asymmetric coordinates, rounded down. */
static gboolean build_old_resize(OnnxBuild *b, GError **error)
{
    const OnnxAttr *mode = fovea_onnx_attr(b, "mode"), *scales = fovea_onnx_attr(b, "scales");
    FoveaNode *node;
    g_autofree char *text = mode != NULL && mode->type == ONNX_ATTR_STRING
                                ? fovea_onnx_text(mode->s)
                                : g_strdup("nearest");
    if (!need_inputs(b, 1, error) || !need_output(b, error))
        return FALSE;
    FoveaValue *in[3] = {b->in[0], NULL, b->n_in > 1 ? b->in[1] : NULL};
    if (in[2] == NULL && scales != NULL && scales->type == ONNX_ATTR_FLOATS) {
        gint64 dims[1] = {scales->n};
        g_autoptr(FoveaTensor) tensor = fovea_tensor_new(FOVEA_DTYPE_F32, 1, dims, error);
        if (tensor == NULL)
            return FALSE;
        if (scales->n > 0)
            memcpy(tensor->data, scales->floats, scales->n * sizeof(float));
        in[2] = fovea_graph_add_constant(b->graph, NULL, tensor);
    }
    if (in[2] == NULL)
        return fovea_onnx_fail(b, error, FOVEA_ERROR_MODEL, "it has no scales");
    if (fovea_onnx_add(b, "Resize", in, 3, b->out[0], &node, error) == NULL)
        return FALSE;
    /* Upsample 7 says "linear" and "bilinear" for the same thing. */
    fovea_node_set_string(node, "mode", g_str_equal(text, "bilinear") ? "linear" : text);
    fovea_node_set_string(node, "coordinate_transformation_mode", "asymmetric");
    fovea_node_set_string(node, "nearest_mode", "floor");
    return TRUE;
}

static gboolean build_resize(OnnxBuild *b, GError **error)
{
    if (b->opset < 11)
        return build_old_resize(b, error);
    if (!need_inputs(b, 1, error))
        return FALSE;
    /* An empty list is another way to leave an input out. */
    for (guint i = 1; i < b->n_in; i++) {
        if (b->in[i] != NULL && b->in[i]->constant != NULL && b->in[i]->constant->n_elements == 0)
            b->in[i] = NULL;
    }
    return fovea_onnx_emit(b, "Resize", error) != NULL;
}

static gboolean build_topk(OnnxBuild *b, GError **error)
{
    const OnnxAttr *k = fovea_onnx_attr(b, "k");
    if (!need_inputs(b, 1, error))
        return FALSE;
    FoveaNode *node = fovea_onnx_emit(b, "TopK", error);
    if (node == NULL)
        return FALSE;
    if (k == NULL || k->type != ONNX_ATTR_INT)
        return TRUE;
    FoveaValue *value = fovea_onnx_const_ints(b, &k->i, 1, error);
    if (value == NULL)
        return FALSE;
    fovea_onnx_put_input(node, 1, value);
    fovea_node_remove_attr(node, "k");
    return TRUE;
}

/* Softmax and its kin. Before opset 13 the tensor was seen as a matrix, cut at axis (1 where not
 * given), and each row was one sum; over the last axis that is the same. */
static gboolean build_softmax(OnnxBuild *b, GError **error)
{
    gint64 axis = fovea_onnx_attr_int(b, "axis", 1);
    FoveaNode *node;
    if (!need_inputs(b, 1, error) || !need_output(b, error))
        return FALSE;
    if (b->opset >= 13 || axis == -1)
        return fovea_onnx_emit(b, b->node->op_type, error) != NULL;
    FoveaValue *in = b->in[0], *flat, *soft, *shape;
    if ((flat = fovea_onnx_add(b, "Flatten", &in, 1, NULL, &node, error)) == NULL)
        return FALSE;
    fovea_node_set_int(node, "axis", axis);
    if ((soft = fovea_onnx_add(b, b->node->op_type, &flat, 1, NULL, &node, error)) == NULL)
        return FALSE;
    fovea_node_set_int(node, "axis", -1);
    if ((shape = fovea_onnx_add(b, "Shape", &in, 1, NULL, NULL, error)) == NULL)
        return FALSE;
    FoveaValue *back[2] = {soft, shape};
    return fovea_onnx_add(b, "Reshape", back, 2, b->out[0], NULL, error) != NULL;
}

static gboolean build_batch_norm(OnnxBuild *b, GError **error)
{
    if (!need_inputs(b, 5, error) || !need_output(b, error))
        return FALSE;
    if (fovea_onnx_attr_int(b, "training_mode", 0) != 0)
        return fovea_onnx_fail(b, error, FOVEA_ERROR_UNSUPPORTED,
                               "it is in training mode; export the model for inference");
    if (fovea_onnx_attr_int(b, "spatial", 1) == 0)
        return fovea_onnx_fail(b, error, FOVEA_ERROR_UNSUPPORTED,
                               "statistics per element (spatial = 0) are not supported");
    /* Older files name the running statistics as outputs, which inference does not change. */
    for (guint i = 1; i < MIN(b->n_out, 3); i++) {
        if (b->out[i] != NULL &&
            fovea_onnx_add(b, "Identity", &b->in[i + 2], 1, b->out[i], NULL, error) == NULL)
            return FALSE;
    }
    b->n_out = 1;
    b->n_in = 5;
    return fovea_onnx_emit(b, "BatchNormalization", error) != NULL;
}

/* A Constant is no node but a value. */
static gboolean build_constant(OnnxBuild *b, GError **error)
{
    g_autoptr(FoveaTensor) tensor = NULL;
    const OnnxAttr *attr = b->n_attrs > 0 ? b->attrs[0] : NULL;
    gint64 dims[1] = {attr != NULL ? attr->n : 0};
    if (!need_output(b, error))
        return FALSE;
    if (attr == NULL)
        return fovea_onnx_fail(b, error, FOVEA_ERROR_MODEL, "it has no value");
    switch (attr->type) {
    case ONNX_ATTR_TENSOR:
        if (attr->t == NULL)
            return fovea_onnx_fail(b, error, FOVEA_ERROR_MODEL, "it has no value");
        tensor = fovea_onnx_tensor(attr->t, b->source, error);
        break;
    case ONNX_ATTR_FLOAT:
        if ((tensor = fovea_tensor_new(FOVEA_DTYPE_F32, 0, NULL, error)) != NULL)
            *(float *)tensor->data = attr->f;
        break;
    case ONNX_ATTR_INT:
        if ((tensor = fovea_tensor_new(FOVEA_DTYPE_I64, 0, NULL, error)) != NULL)
            *(gint64 *)tensor->data = attr->i;
        break;
    case ONNX_ATTR_FLOATS:
        tensor = fovea_tensor_new(FOVEA_DTYPE_F32, 1, dims, error);
        if (tensor != NULL && attr->n > 0)
            memcpy(tensor->data, attr->floats, attr->n * sizeof(float));
        break;
    case ONNX_ATTR_INTS:
        tensor = fovea_tensor_new(FOVEA_DTYPE_I64, 1, dims, error);
        if (tensor != NULL && attr->n > 0)
            memcpy(tensor->data, attr->ints, attr->n * sizeof(gint64));
        break;
    default:
        return fovea_onnx_fail(b, error, FOVEA_ERROR_UNSUPPORTED,
                               "its value is text or a sparse tensor, which Fovea does not have");
    }
    if (tensor == NULL)
        return FALSE;
    fovea_value_set_constant(b->out[0], tensor);
    return TRUE;
}

static gboolean build_grid_sample(OnnxBuild *b, GError **error)
{
    if (!need_inputs(b, 2, error))
        return FALSE;
    FoveaNode *node = fovea_onnx_emit(b, "GridSample", error);
    if (node == NULL)
        return FALSE;
    /* Opset 16 spoke of pictures: bilinear, bicubic. */
    const char *mode = fovea_node_attr_string(node, "mode", "linear");
    if (g_str_equal(mode, "bilinear"))
        fovea_node_set_string(node, "mode", "linear");
    else if (g_str_equal(mode, "bicubic"))
        fovea_node_set_string(node, "mode", "cubic");
    return TRUE;
}

static gboolean build_roi_align(OnnxBuild *b, GError **error)
{
    if (!need_inputs(b, 3, error))
        return FALSE;
    FoveaNode *node = fovea_onnx_emit(b, "RoiAlign", error);
    if (node != NULL && b->opset < 16)
        fovea_node_set_string(node, "coordinate_transformation_mode", "output_half_pixel");
    return node != NULL;
}

static gboolean build_dft(OnnxBuild *b, GError **error)
{
    if (!need_inputs(b, 1, error))
        return FALSE;
    FoveaNode *node = fovea_onnx_emit(b, "DFT", error);
    if (node == NULL || b->opset >= 20)
        return node != NULL;
    FoveaValue *axis = fovea_onnx_const_int(b, fovea_onnx_attr_int(b, "axis", 1), error);
    if (axis == NULL)
        return FALSE;
    fovea_onnx_put_input(node, 2, axis);
    fovea_node_remove_attr(node, "axis");
    return TRUE;
}

/* Opset 18 to 20: scale and bias per group, not per channel. */
static gboolean build_group_norm(OnnxBuild *b, GError **error)
{
    if (!need_inputs(b, 3, error))
        return FALSE;
    FoveaNode *node = fovea_onnx_emit(b, "GroupNormalization", error);
    if (node != NULL && b->opset < 21)
        fovea_node_set_int(node, "per_group", 1);
    return node != NULL;
}

static const OnnxRule rules[] = {
    {"BatchNormalization", "BatchNormalization", build_batch_norm},
    {"Clip", "Clip", build_clip},
    {"Constant", NULL, build_constant},
    {"DFT", "DFT", build_dft},
    {"Dropout", "Identity", build_dropout},
    {"GridSample", "GridSample", build_grid_sample},
    {"GroupNormalization", "GroupNormalization", build_group_norm},
    {"Hardmax", "Hardmax", build_softmax},
    {"LogSoftmax", "LogSoftmax", build_softmax},
    {"Pad", "Pad", build_pad},
    {"ReduceL1", "ReduceL1", build_axes},
    {"ReduceL2", "ReduceL2", build_axes},
    {"ReduceLogSum", "ReduceLogSum", build_axes},
    {"ReduceLogSumExp", "ReduceLogSumExp", build_axes},
    {"ReduceMax", "ReduceMax", build_axes},
    {"ReduceMean", "ReduceMean", build_axes},
    {"ReduceMin", "ReduceMin", build_axes},
    {"ReduceProd", "ReduceProd", build_axes},
    {"ReduceSum", "ReduceSum", build_axes},
    {"ReduceSumSquare", "ReduceSumSquare", build_axes},
    {"Resize", "Resize", build_resize},
    {"RoiAlign", "RoiAlign", build_roi_align},
    {"Scatter", "ScatterElements", NULL},
    {"Slice", "Slice", build_slice},
    {"Softmax", "Softmax", build_softmax},
    {"Split", "Split", build_split},
    {"Squeeze", "Squeeze", build_axes},
    {"TopK", "TopK", build_topk},
    {"Unsqueeze", "Unsqueeze", build_axes},
    {"Upsample", "Resize", build_old_resize},
};

const OnnxRule *fovea_onnx_rule(const char *op_type)
{
    guint low = 0, high = G_N_ELEMENTS(rules);
    while (low < high) {
        guint middle = (low + high) / 2;
        int order = strcmp(op_type, rules[middle].name);
        if (order == 0)
            return &rules[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
