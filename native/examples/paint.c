/* Paints one picture through the C interface: paint MODEL PROMPT OUT.ppm [STEPS [WIDTHxHEIGHT [CACHE [RESOURCES]]]]
 * Shows what a host has to do: a context, a job, callbacks, a result. Writes PPM, because that needs no library. */
#include <sluice.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_progress(void* user, const sluice_progress* progress) {
    (void)user;
    fprintf(stderr, "%s %u/%u\n", progress->stage, progress->step, progress->steps);
}

static void on_notice(void* user, const char* text) {
    (void)user;
    fprintf(stderr, "%s\n", text);
}

static int fail(const char* what, const sluice_error* error) {
    fprintf(stderr, "%s: %s (%s)\n%s\n", what, error->message, error->code, error->hint);
    return (int)error->status;
}

static int write_ppm(const char* path, const sluice_image* image) {
    const size_t bytes = (size_t)image->width * image->height * 3;
    FILE* file = fopen(path, "wb");
    int written = 0;
    if (file == NULL) {
        perror(path);
        return 0;
    }
    written = fprintf(file, "P6\n%u %u\n255\n", image->width, image->height) > 0 &&
              fwrite(image->pixels, 1, bytes, file) == bytes;
    if (fclose(file) != 0) written = 0;
    if (!written) fprintf(stderr, "%s cannot be written\n", path);
    return written;
}

int main(int count, char** arguments) {
    sluice_context_desc context_desc;
    sluice_paint_desc job;
    sluice_callbacks callbacks;
    sluice_context* context = NULL;
    sluice_result* result = NULL;
    sluice_image image;
    sluice_figures figures;
    sluice_error error;
    sluice_status status;
    int written;

    if (count < 4 || count > 8) {
        fprintf(stderr, "usage: paint MODEL PROMPT OUT.ppm [STEPS [WIDTHxHEIGHT [CACHE [RESOURCES]]]]\n");
        return SLUICE_USAGE;
    }

    memset(&error, 0, sizeof error);
    memset(&context_desc, 0, sizeof context_desc);
    context_desc.size = sizeof context_desc;
    context_desc.cache_dir = count > 6 ? arguments[6] : "sluice-cache";
    context_desc.resource_dir = count > 7 ? arguments[7] : "resources";
    status = sluice_context_create(&context_desc, &context, &error);
    if (status != SLUICE_OK) return fail("no context", &error);

    memset(&job, 0, sizeof job);
    job.size = sizeof job;
    job.model = arguments[1];
    job.prompt = arguments[2];
    job.width = 512;
    job.height = 512;
    job.steps = count > 4 ? (uint32_t)strtoul(arguments[4], NULL, 10) : 20;
    if (count > 5 && sscanf(arguments[5], "%ux%u", &job.width, &job.height) != 2) {
        fprintf(stderr, "expected WIDTHxHEIGHT, found %s\n", arguments[5]);
        sluice_context_destroy(context);
        return SLUICE_USAGE;
    }
    job.cfg = 7.5f;
    job.sampler = "euler";
    job.schedule = "normal";
    job.seed = 1;
    job.count = 1;
    job.clip_skip = 1;
    job.strength = 1.f;

    memset(&callbacks, 0, sizeof callbacks);
    callbacks.progress = on_progress;
    callbacks.notice = on_notice;
    status = sluice_paint(context, &job, &callbacks, &result, &error);
    if (status != SLUICE_OK) {
        sluice_context_destroy(context);
        return fail("no picture", &error);
    }

    memset(&image, 0, sizeof image);
    memset(&figures, 0, sizeof figures);
    status = sluice_result_image(result, 0, &image);
    sluice_result_figures(result, &figures);
    written = status == SLUICE_OK && write_ppm(arguments[3], &image);
    if (written) {
        printf("%s: %ux%u in %.1f s on %s, at most %.1f MiB of device memory\n", arguments[3], image.width,
               image.height, figures.seconds, figures.device, (double)figures.peak_device_bytes / 1048576.0);
    }
    sluice_result_destroy(result);
    sluice_context_destroy(context);
    return written ? 0 : SLUICE_INPUT;
}
