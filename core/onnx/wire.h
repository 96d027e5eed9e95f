/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx/wire.h: walking protobuf messages in memory. Internal.
 *
 * Why not a generated parser: a model is mostly weights, and we want them as slices of the mapped
 * file. nanopb copies bytes fields (or calls back piece by piece) and drops fields that its schema
 * lacks; Debian's onnx.proto stops at IR 8. ONNX needs a dozen messages and three wire types, so a
 * cursor that never allocates, checks every length once and leaves unknown fields lying is both
 * smaller and easier to bound. Groups, which ONNX never had, count as malformed.
 */
#pragma once

#include "base/base.h"

/* A piece of the mapped file. */
typedef struct FoveaSpan {
    const guint8 *data;
    gsize size;
} FoveaSpan;

typedef enum FoveaWireType {
    FOVEA_WIRE_VARINT = 0,
    FOVEA_WIRE_FIXED64 = 1,
    FOVEA_WIRE_BYTES = 2,
    FOVEA_WIRE_FIXED32 = 5,
} FoveaWireType;

typedef struct FoveaField {
    guint32 number;
    FoveaWireType type;
    guint64 value;   /* VARINT, FIXED32, FIXED64 */
    FoveaSpan bytes; /* BYTES */
} FoveaField;

typedef struct FoveaWire {
    FoveaSpan rest;
    gboolean bad; /* ended because a tag, a length or a number does not fit */
} FoveaWire;

FoveaWire fovea_wire_open(FoveaSpan message);
/* The next field; FALSE at the end or where the message is malformed (then `bad` is set). */
gboolean fovea_wire_next(FoveaWire *wire, FoveaField *field);
/* TRUE where every field of this level is whole. */
gboolean fovea_wire_check(FoveaSpan message);
/* The last field of this number and type: protobuf's rule for fields that are not repeated. */
gboolean fovea_wire_find(FoveaSpan message, guint32 number, FoveaWireType type, FoveaField *field);
guint fovea_wire_count(FoveaSpan message, guint32 number, FoveaWireType type);

/* The numbers of a repeated field, whether packed or one by one, of scalar type `type`. */
typedef struct FoveaNumbers {
    FoveaWire wire;
    guint32 number;
    FoveaWireType type;
    FoveaSpan packed;
    gboolean bad;
} FoveaNumbers;

FoveaNumbers fovea_numbers_open(FoveaSpan message, guint32 number, FoveaWireType type);
gboolean fovea_numbers_next(FoveaNumbers *numbers, guint64 *value);
/* How many there are; FALSE where a packed run is malformed. */
gboolean fovea_numbers_count(FoveaSpan message, guint32 number, FoveaWireType type, gsize *n);
