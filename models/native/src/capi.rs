//! The C interface of templates.h.

use crate::caught;
use crate::each::{self, Texts};
use crate::template::Template;

/// A text that belongs to who got it. `failed` tells whether it is an error's sentence.
#[repr(C)]
pub struct AssayText {
    data: *mut u8,
    size: usize,
    failed: bool,
}

impl AssayText {
    fn new(text: Result<String, String>) -> Self {
        let (text, failed) = match text {
            Ok(text) => (text, false),
            Err(text) => (text, true),
        };
        let bytes = Box::into_raw(text.into_bytes().into_boxed_slice());
        Self { data: bytes.cast(), size: bytes.len(), failed }
    }
}

unsafe fn bytes<'a>(data: *const u8, size: usize) -> &'a [u8] {
    if size == 0 {
        return &[];
    }
    std::slice::from_raw_parts(data, size)
}

/// Compiles a template of `size` bytes of UTF-8. Null where it cannot be, with the reason in `said`.
///
/// # Safety
/// `source` has `size` bytes, and `said` can be written to.
#[no_mangle]
pub unsafe extern "C" fn assay_template_new(source: *const u8, size: usize, said: *mut AssayText) -> *mut Template {
    let source = bytes(source, size);
    let made =
        caught(|| Template::new(std::str::from_utf8(source).map_err(|_| "the template is not UTF-8".to_owned())?));
    match made {
        Ok(template) => Box::into_raw(Box::new(template)),
        Err(reason) => {
            said.write(AssayText::new(Err(reason)));
            std::ptr::null_mut()
        }
    }
}

/// Renders a template with variables, an object of JSON. `date` is null, or a year, a month and a day.
///
/// # Safety
/// The template is one of assay_template_new, `variables` has `size` bytes, and `date` is null or has three numbers.
#[no_mangle]
pub unsafe extern "C" fn assay_template_render(
    template: *const Template,
    variables: *const u8,
    size: usize,
    date: *const i32,
) -> AssayText {
    let (template, variables) = (&*template, bytes(variables, size));
    let date = date.cast::<[i32; 3]>().as_ref().copied();
    AssayText::new(caught(|| template.render(variables, date)))
}

/// The mark of a number, which stands for texts in the variables of assay_template_render_each.
#[no_mangle]
pub extern "C" fn assay_template_mark(number: usize) -> AssayText {
    AssayText::new(Ok(each::numbered(number)))
}

/// Renders a template once for many texts: a list of JSON, with a list for each mark of what it stands for. Null where
/// they are not rendered alike: each is then rendered by itself.
///
/// # Safety
/// As of assay_template_render; `texts` has `count` bytes.
#[no_mangle]
pub unsafe extern "C" fn assay_template_render_each(
    template: *const Template,
    variables: *const u8,
    size: usize,
    texts: *const u8,
    count: usize,
    date: *const i32,
) -> *mut Texts {
    let (template, variables, texts) = (&*template, bytes(variables, size), bytes(texts, count));
    let date = date.cast::<[i32; 3]>().as_ref().copied();
    caught(|| template.render_each(variables, texts, date))
        .map_or(std::ptr::null_mut(), |texts| Box::into_raw(Box::new(texts)))
}

/// The text of a response, or of a pair, by its place in the lists.
///
/// # Safety
/// The texts are those of assay_template_render_each.
#[no_mangle]
pub unsafe extern "C" fn assay_texts_at(texts: *const Texts, response: usize) -> AssayText {
    let texts = &*texts;
    AssayText::new(caught(|| texts.at(response).ok_or_else(|| "there is no such response".to_owned())))
}

/// Gives back the texts.
///
/// # Safety
/// The texts are those of assay_template_render_each, nobody reads them, and they are given back once.
#[no_mangle]
pub unsafe extern "C" fn assay_texts_free(texts: *mut Texts) {
    drop(Box::from_raw(texts));
}

/// Gives back a text.
///
/// # Safety
/// The text is one that this interface gave, and it is given back once.
#[no_mangle]
pub unsafe extern "C" fn assay_text_free(text: AssayText) {
    drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(text.data, text.size)));
}

/// Gives back a template.
///
/// # Safety
/// The template is one of assay_template_new, nobody renders it, and it is given back once.
#[no_mangle]
pub unsafe extern "C" fn assay_template_free(template: *mut Template) {
    drop(Box::from_raw(template));
}
