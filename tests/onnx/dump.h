/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx/dump.h: an ONNX file as canonical text, as check_reader.py writes it from the Python parser.
 */
#pragma once

#include "onnx/proto.h"

/* One line a fact; tensors as type, shape and MD5 of their bytes. NULL and an error where the file
 * cannot be read; a tensor of a type that we do not have says so in the text. */
char *dump_onnx(const char *path, GError **error);
