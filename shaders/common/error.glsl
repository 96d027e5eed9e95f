// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// An index that lies outside its tensor is never followed: the kernel reads something harmless and
// calls fv_error with the node's number (a parameter word holding node->id); the run then fails
// with a sentence that names the node.
#ifndef FV_ERROR_GLSL
#define FV_ERROR_GLSL

layout(set = 1, binding = 1) buffer FvErrors {
    uint node;
} fv_errors;

void fv_error(uint node)
{
    atomicMin(fv_errors.node, node);
}

#endif
