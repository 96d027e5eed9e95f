/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "onnx/wire.h"

static gboolean take_varint(FoveaSpan *rest, guint64 *value)
{
    guint64 result = 0;
    for (guint i = 0; i < 10; i++) {
        if (i >= rest->size)
            return FALSE;
        guint8 byte = rest->data[i];
        result |= (guint64)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        rest->data += i + 1;
        rest->size -= i + 1;
        *value = result;
        return TRUE;
    }
    return FALSE;
}

static gboolean take_fixed(FoveaSpan *rest, guint bytes, guint64 *value)
{
    if (rest->size < bytes)
        return FALSE;
    *value = 0;
    for (guint i = 0; i < bytes; i++)
        *value |= (guint64)rest->data[i] << (8 * i);
    rest->data += bytes;
    rest->size -= bytes;
    return TRUE;
}

static gboolean take_scalar(FoveaSpan *rest, FoveaWireType type, guint64 *value)
{
    switch (type) {
    case FOVEA_WIRE_VARINT: return take_varint(rest, value);
    case FOVEA_WIRE_FIXED64: return take_fixed(rest, 8, value);
    case FOVEA_WIRE_FIXED32: return take_fixed(rest, 4, value);
    default: return FALSE;
    }
}

static gboolean take_bytes(FoveaSpan *rest, FoveaSpan *bytes)
{
    guint64 size;
    if (!take_varint(rest, &size) || size > rest->size)
        return FALSE;
    *bytes = (FoveaSpan){rest->data, (gsize)size};
    rest->data += size;
    rest->size -= (gsize)size;
    return TRUE;
}

FoveaWire fovea_wire_open(FoveaSpan message)
{
    return (FoveaWire){message, FALSE};
}

gboolean fovea_wire_next(FoveaWire *wire, FoveaField *field)
{
    guint64 tag;
    if (wire->rest.size == 0 || wire->bad)
        return FALSE;
    wire->bad = TRUE;
    if (!take_varint(&wire->rest, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
        return FALSE;
    *field = (FoveaField){.number = (guint32)(tag >> 3), .type = (FoveaWireType)(tag & 7)};
    gboolean whole = field->type == FOVEA_WIRE_BYTES
                         ? take_bytes(&wire->rest, &field->bytes)
                         : take_scalar(&wire->rest, field->type, &field->value);
    wire->bad = !whole;
    return whole;
}

gboolean fovea_wire_check(FoveaSpan message)
{
    FoveaWire wire = fovea_wire_open(message);
    FoveaField field;
    while (fovea_wire_next(&wire, &field))
        ;
    return !wire.bad;
}

gboolean fovea_wire_find(FoveaSpan message, guint32 number, FoveaWireType type, FoveaField *field)
{
    FoveaWire wire = fovea_wire_open(message);
    FoveaField each;
    gboolean found = FALSE;
    while (fovea_wire_next(&wire, &each)) {
        if (each.number == number && each.type == type) {
            *field = each;
            found = TRUE;
        }
    }
    return found;
}

guint fovea_wire_count(FoveaSpan message, guint32 number, FoveaWireType type)
{
    FoveaWire wire = fovea_wire_open(message);
    FoveaField each;
    guint n = 0;
    while (n < G_MAXUINT && fovea_wire_next(&wire, &each))
        n += each.number == number && each.type == type;
    return n;
}

FoveaNumbers fovea_numbers_open(FoveaSpan message, guint32 number, FoveaWireType type)
{
    return (FoveaNumbers){.wire = fovea_wire_open(message), .number = number, .type = type};
}

gboolean fovea_numbers_next(FoveaNumbers *numbers, guint64 *value)
{
    FoveaField field;
    while (numbers->packed.size == 0) {
        if (!fovea_wire_next(&numbers->wire, &field))
            return FALSE;
        if (field.number != numbers->number)
            continue;
        if (field.type == numbers->type) {
            *value = field.value;
            return TRUE;
        }
        if (field.type == FOVEA_WIRE_BYTES)
            numbers->packed = field.bytes;
    }
    if (take_scalar(&numbers->packed, numbers->type, value))
        return TRUE;
    numbers->bad = TRUE;
    return FALSE;
}

gboolean fovea_numbers_count(FoveaSpan message, guint32 number, FoveaWireType type, gsize *n)
{
    FoveaNumbers numbers = fovea_numbers_open(message, number, type);
    guint64 value;
    *n = 0;
    while (fovea_numbers_next(&numbers, &value))
        ++*n;
    return !numbers.bad;
}
