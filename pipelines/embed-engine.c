/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * embed-engine MODEL PICTURE.ppm [DEVICE]: detects objects in a picture with libfovea alone.
 * Builds with: cc embed-engine.c $(pkg-config --cflags --libs fovea)
 */
#include <fovea/fovea.h>
#include <stdio.h>
#include <string.h>

/* Reads a binary PPM (P6, 8 bits): bytes R, G, B for each pixel. */
static gboolean read_ppm(const char *path, FoveaImage *image, char **pixels)
{
    char *file = NULL;
    gsize size = 0;
    int header = 0;
    if (!g_file_get_contents(path, &file, &size, NULL))
        return FALSE;
    if (sscanf(file, "P6 %d %d 255%n", &image->width, &image->height, &header) != 2 ||
        header == 0 || image->width < 1 || image->height < 1 || image->width > 32768 ||
        image->height > 32768 || size - header - 1 < (gsize)image->width * image->height * 3)
        return FALSE;
    image->format = FOVEA_PIXEL_RGB;
    image->plane[0] = (guint8 *)file + header + 1;
    image->stride[0] = image->width * 3;
    *pixels = file;
    return TRUE;
}

int main(int argc, char **argv)
{
    FoveaImage image = {0};
    g_autofree char *pixels = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));

    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("libfovea %s\n", fovea_version()) < 0;
    if (argc < 3 || !read_ppm(argv[2], &image, &pixels)) {
        fprintf(stderr, "usage: embed-engine MODEL PICTURE.ppm [cpu|vulkan]\n");
        return 2;
    }
    g_autoptr(FoveaDevice) device = fovea_device_open(argc > 3 ? argv[3] : "cpu", &error);
    FoveaDetectorParams params = {.model = argv[1]};
    g_autoptr(FoveaDetector) detector = device ? fovea_detector_new(device, &params, &error) : NULL;
    g_autoptr(FoveaDetectorStream) stream = detector ? fovea_detector_stream_new(detector, &error)
                                                     : NULL;
    FoveaDetectParams detect = {.threshold = 0.5f};
    if (!stream || !fovea_detector_stream_run(stream, &image, &detect, found, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    for (guint i = 0; i < found->len; i++) {
        const FoveaDetection *d = &g_array_index(found, FoveaDetection, i);
        printf("%s %.2f at %.0f,%.0f..%.0f,%.0f\n", d->label, d->score, d->x0, d->y0, d->x1, d->y1);
    }
    return 0;
}
