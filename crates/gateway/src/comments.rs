//! The comments of the protos, which the descriptors carry: what is documented there is the documentation of HTTP, too.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};

/// Comments by file, and by place in it.
pub(crate) struct Comments {
    texts: HashMap<(String, Vec<i32>), String>,
}

// === impl Comments ===

impl Comments {
    /// Those of all files.
    pub(crate) fn of(pool: &DescriptorPool) -> Self {
        let mut texts = HashMap::new();
        for file in pool.files() {
            let described = file.file_descriptor_proto();
            for location in described.source_code_info.iter().flat_map(|info| &info.location) {
                if let Some(text) = location.leading_comments.as_deref().map(tidied).filter(|text| !text.is_empty()) {
                    texts.insert((file.name().to_owned(), location.path.clone()), text);
                }
            }
        }
        Comments { texts }
    }

    /// That of a service.
    pub(crate) fn service(&self, service: &ServiceDescriptor) -> &str {
        self.at(&service.parent_file(), service.path())
    }

    /// That of a method.
    pub(crate) fn method(&self, method: &MethodDescriptor) -> &str {
        self.at(&method.parent_service().parent_file(), method.path())
    }

    /// That of a message.
    pub(crate) fn message(&self, message: &MessageDescriptor) -> &str {
        self.at(&message.parent_file(), message.path())
    }

    /// That of a field.
    pub(crate) fn field(&self, field: &FieldDescriptor) -> &str {
        self.at(&field.parent_message().parent_file(), field.path())
    }

    /// Those of an enumeration and its values.
    pub(crate) fn enumeration(&self, values: &EnumDescriptor) -> String {
        let file = values.parent_file();
        let each = values.values().map(|value| format!("- `{}`: {}", value.name(), self.at(&file, value.path()).replace('\n', " ")));
        std::iter::once(format!("{}\n", self.at(&file, values.path()))).chain(each).collect::<Vec<_>>().join("\n")
    }

    fn at(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.texts.get(&(file.name().to_owned(), path.to_vec())).map_or("", String::as_str)
    }
}

/// Without the space behind the slashes, and with a line for each paragraph.
fn tidied(comment: &str) -> String {
    let lines: Vec<&str> = comment.lines().map(str::trim).collect();
    let paragraphs = lines.split(|line| line.is_empty()).map(|lines| lines.join(" ")).filter(|text| !text.is_empty());
    paragraphs.collect::<Vec<_>>().join("\n\n")
}
