// Chat templates, as src/capi.rs gives them. A text belongs to who got it and is given back with assay_text_free.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct AssayTemplate AssayTemplate;
typedef struct AssayTexts AssayTexts;

typedef struct {
    uint8_t *data;
    size_t size;
    bool failed;
} AssayText;

AssayTemplate *assay_template_new(const uint8_t *source, size_t size, AssayText *said);
AssayText assay_template_render(const AssayTemplate *, const uint8_t *variables, size_t size, const int32_t *date);
AssayText assay_template_mark(size_t number);
AssayTexts *assay_template_render_each(const AssayTemplate *, const uint8_t *variables, size_t size,
                                       const uint8_t *texts, size_t count, const int32_t *date);
AssayText assay_texts_at(const AssayTexts *, size_t response);
void assay_texts_free(AssayTexts *);
void assay_text_free(AssayText);
void assay_template_free(AssayTemplate *);
