# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
#
# Read by the scripts beside it: finds the plugin of a build that is not installed, and a model.
# MODEL, DEVICE and THRESHOLD in the environment replace the defaults.
here=$(cd "$(dirname "$0")" && pwd)
if [ -f "$here/../build/plugins/libgstfovea.so" ]; then
    export GST_PLUGIN_PATH="$here/../build/plugins${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
fi
model=${MODEL:-$("$here/find-model.sh")} || exit 1
detect="foveadetect model=$model device=${DEVICE:-cpu} threshold=${THRESHOLD:-0.5}"
