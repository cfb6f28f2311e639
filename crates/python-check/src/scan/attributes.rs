//! Attributes: members of modules, special attributes, frames, private attributes of library objects, and what classes define.

use ruff_python_ast::{self as ast, Expr, ExprContext};
use ruff_text_size::{Ranged, TextRange};

use super::names::is_special;
use super::{Scan, address, advice, streams};
use crate::catalog::{Name, Verdict};
use crate::map::Map;
use crate::report::shorten;
use crate::rule::{self, Rule};
use crate::walk::{Binding, Place};

/// Special attributes that read or do what the syntax does anyway.
const HARMLESS: &str = "__name__ __qualname__ __doc__ __class__ __module__ __len__ __iter__ __next__ __enter__ __exit__ __aenter__ __aexit__ \
    __aiter__ __anext__ __await__ __init__ __new__ __post_init__ __del__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __repr__ __str__ \
    __bytes__ __bool__ __format__ __contains__ __getitem__ __setitem__ __delitem__ __missing__ __reversed__ __call__ __add__ __radd__ __iadd__ \
    __sub__ __rsub__ __isub__ __mul__ __rmul__ __imul__ __matmul__ __rmatmul__ __truediv__ __rtruediv__ __itruediv__ __floordiv__ __rfloordiv__ \
    __ifloordiv__ __mod__ __rmod__ __imod__ __divmod__ __rdivmod__ __pow__ __rpow__ __ipow__ __lshift__ __rlshift__ __ilshift__ __rshift__ \
    __rrshift__ __irshift__ __and__ __rand__ __iand__ __or__ __ror__ __ior__ __xor__ __rxor__ __ixor__ __neg__ __pos__ __abs__ __invert__ \
    __int__ __float__ __complex__ __index__ __round__ __trunc__ __floor__ __ceil__ __length_hint__ __copy__ __deepcopy__ __members__ \
    __dataclass_fields__ __version__ __cause__ __context__ __suppress_context__ __notes__ __args__ __origin__ __slots__ __match_args__ __set_name__ \
    __init_subclass__ __class_getitem__ __sizeof__ __dir__ __fspath__ __all__ __author__ __metadata__ __fields__ __str__ __nonzero__ __unicode__ __cmp__";

/// Special names that a class may not define: they decide what others do with its objects.
const NOT_DEFINED: &str = "__reduce__ __reduce_ex__ __getnewargs__ __getnewargs_ex__ __getattribute__ __import__ __builtins__ \
    __build_class__ __subclasshook__ __instancecheck__ __subclasscheck__ __prepare__ __mro_entries__ __globals__ __code__ __closure__ __dict__ \
    __bases__ __base__ __mro__ __subclasses__ __defaults__ __kwdefaults__ __annotations__ __wrapped__ __traceback__ __func__ __self__ \
    __loader__ __spec__ __weakref__ __annotate__ __text_signature__ __signature__";

/// Attributes of frames, generators, coroutines, tracebacks, code and old functions.
const FRAMES: &str = "tb_frame tb_next tb_lasti f_globals f_locals f_builtins f_back f_code f_trace f_generator gi_frame gi_code gi_yieldfrom \
    gi_running gi_suspended cr_frame cr_code cr_await cr_origin cr_running ag_frame ag_code ag_await ag_running co_code co_consts co_names co_varnames co_freevars \
    co_cellvars co_filename co_lnotab co_linetable func_globals func_code func_closure func_defaults func_dict im_func im_self im_class mro \
    cell_contents";

/// Private attributes of the library that hold modules or evaluate text; nobody names their own attribute so.
const NEVER: &str = "_module _os _sys _builtins _subprocess _Printer__filenames _Printer__data _Printer__setup _old_targets _flavour _evaluate \
    _getframe _current_frames _current_exceptions _convert_ _imp _bootstrap _bootstrap_external _posixsubprocess _io_open _winapi _types _inspect \
    _collections_abc _weakrefset _importlib _codecs_open _thread_module";
/// Private attributes of the library that one's own classes may well have.
const STREAMS: &str = "_stream _io _file _fp _fileobj _buffer _raw _loop _get_loop _ref _func _frame _target _globals _locals";

/// Private names that are documented: named tuples, enums, ctypes-free structures, SQL rows.
const DOCUMENTED_PRIVATE: &str = "_replace _asdict _fields _make _field_defaults _field_types _value_ _name_ _missing_ _ignore_ _order_ \
    _generate_next_value_ _sunder_ _member_map_ _member_names_ _value2member_map_ _add_alias_ _add_value_alias_ _numeric_repr_ _flag_mask_";

/// In code that imports the module, these attributes lead to files, streams, processes or event loops.
pub(super) const WATCHED: &[(&str, &str)] = &[
    ("logging", "stream setStream handlers lastResort manager"),
    (
        "asyncio",
        "get_loop subprocess_exec subprocess_shell create_connection create_server create_unix_connection create_unix_server \
         create_datagram_endpoint open_connection sock_connect sock_recv sock_recv_into sock_recvfrom sock_sendall sock_sendto \
         sock_sendfile sock_accept start_tls run_in_executor connect_read_pipe connect_write_pipe connect_accepted_socket add_reader \
         add_writer add_signal_handler getaddrinfo getnameinfo create_subprocess_exec create_subprocess_shell get_coro get_stack",
    ),
    ("pathlib", "parser"),
    // `write` adds a file by its path, `writestr` does not.
    ("zipfile", "extract extractall from_file write"),
    ("xml.dom.minidom", "createDOMBuilder createDOMInputSource createDOMWriter parseURI systemId loadXML implementation"),
    ("xml.dom", "createDOMBuilder createDOMInputSource parseURI implementation"),
    ("xml", "createDOMBuilder createDOMInputSource parseURI"),
];

/// What archives do that is refused, and what people call methods of their own.
pub(super) const OF_ARCHIVES: &[&str] = &["extract", "extractall", "write"];

/// What is known of an attribute's name, whatever object it is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Harmless,
    NotDefined,
    Frame,
    Never,
    Stream,
    Documented,
}

/// The lists above as one table.
#[derive(Debug)]
pub(crate) struct Attributes {
    known: Map<&'static str, Known>,
}

impl Attributes {
    /// Builds the table; once for each checker.
    pub fn new() -> Self {
        let lists = [
            (HARMLESS, Known::Harmless),
            (NOT_DEFINED, Known::NotDefined),
            (FRAMES, Known::Frame),
            (NEVER, Known::Never),
            (STREAMS, Known::Stream),
            (DOCUMENTED_PRIVATE, Known::Documented),
        ];
        let words =
            lists.iter().flat_map(|(names, known)| names.split(' ').filter(|name| !name.is_empty()).map(move |name| (name, *known)));
        Attributes { known: words.collect() }
    }

    fn get(&self, name: &str) -> Option<Known> {
        // Every listed name but `mro` has an underscore among its first five characters, and most others have none.
        if name != "mro" && !name.bytes().take(5).any(|byte| byte == b'_') {
            return None;
        }
        self.known.get(name).copied()
    }
}

impl<'a> Scan<'a, '_> {
    pub(super) fn attribute(&mut self, expr: &'a Expr, attribute: &'a ast::ExprAttribute, place: Place) {
        self.lookalike(attribute.attr.as_str(), attribute.attr.range);
        if attribute.ctx != ExprContext::Load {
            self.note_store(Some(&attribute.value), attribute.range);
            if &*attribute.attr == "__match_args__" && !self.listed.remove(&address(expr)) {
                self.computed_names(attribute.range);
            }
        } else if place != Place::Callee {
            self.note_read(attribute);
        }
        if self.is_judged(expr) {
            return;
        }
        let modules = self.modules(&attribute.value);
        if modules.is_empty() {
            self.plain_attribute(attribute);
        }
        for module in modules {
            self.module_member(attribute, &module, place);
        }
    }

    fn module_member(&mut self, attribute: &'a ast::ExprAttribute, module: &str, place: Place) {
        let name = attribute.attr.as_str();
        if attribute.ctx != ExprContext::Load {
            self.add(&rule::PIVOT_STORE, attribute.range, format!("`{}.{}` is changed", shorten(module), shorten(name)));
        } else {
            self.member_by_name(module, name, attribute.range, place);
        }
    }

    /// Judges the member `name` of a module, however the code spells the access.
    pub(super) fn member_by_name(&mut self, module: &str, name: &str, range: TextRange, place: Place) {
        if self.free_members.get(module).is_some_and(|names| names.contains(name)) {
            return;
        }
        self.note_streams(module, name);
        let path = [module, ".", name].concat();
        if self.is_module(&path) && self.catalog.is_reviewed(&path) {
            if !matches!(place, Place::AttributeBase | Place::Test) {
                self.add(&rule::PIVOT_VALUE, range, format!("the module `{}` is used as a value", shorten(&path)));
            }
            return;
        }
        match self.catalog.module(module) {
            Verdict::Forbidden(family) => {
                self.refuse_use(family, module, name, range);
            }
            Verdict::Reviewed if self.catalog.name(module, name) == Name::CallOnly => {
                if place != Place::Test {
                    self.add(&rule::API_CALL_ONLY, range, format!("`{}` is used as a value", shorten(&path)));
                }
            }
            Verdict::Reviewed if self.catalog.name(module, name) == Name::Allowed => {
                self.free_members.entry(module.to_owned()).or_default().insert(name.to_owned());
            }
            verdict @ (Verdict::Reviewed | Verdict::Open) => self.judge_member(module, verdict, name, range),
            // A package around reviewed modules that was not imported on its own.
            Verdict::NotAllowed | Verdict::NotInstalled | Verdict::Unlisted | Verdict::Unknown => {
                self.judge_unsafe(module, name, range);
            }
        }
    }

    fn plain_attribute(&mut self, attribute: &'a ast::ExprAttribute) {
        let name = attribute.attr.as_str();
        let range = attribute.range;
        match name {
            "__dict__" if self.claim_own(&attribute.value, &rule::INTROSPECTION_DUNDER, range, "special attribute `__dict__`") => {}
            "write" if self.is_stream(&attribute.value) => {}
            _ if self.is_own_method(name, &attribute.value, range) => {}
            "__class__" if attribute.ctx != ExprContext::Load => {
                self.add(&rule::INTROSPECTION_DUNDER, range, "`__class__` is changed".to_owned());
            }
            "raw" if matches!(&*attribute.value, Expr::Attribute(inner) if &*inner.attr == "buffer") => {
                self.add(&rule::INTROSPECTION_PIVOT, range, "`.buffer.raw` is the file behind a stream".to_owned());
            }
            _ if self.is_own_beside_streams(name, &attribute.value, range) => {}
            "read" if self.configures => {
                self.add(&rule::FILE_API, range, "`.read` with an argument, in code that imports `configparser`, opens files".to_owned());
            }
            _ => {
                self.attribute_by_name(name, range);
                self.private_attribute(attribute);
            }
        }
        self.template_attribute(attribute);
    }

    /// A method of this code that is called as one of an archive's, on an object that is plainly one of this code's classes.
    fn is_own_method(&mut self, name: &str, object: &Expr, range: TextRange) -> bool {
        if !self.own_methods.contains(name) || self.receiver_is_foreign() {
            return false;
        }
        let Some((rule, message)) = self.refused_attribute(name) else { return false };
        self.claim_own(object, rule, range, &message) || self.is_own_object(object)
    }

    /// Judges an attribute by its name alone; says whether it is refused.
    pub(super) fn attribute_by_name(&mut self, name: &str, range: TextRange) -> bool {
        let Some((rule, message)) = self.refused_attribute(name) else {
            self.note_behind_stream(name, range);
            return false;
        };
        self.add(rule, range, message);
        true
    }

    /// Why an attribute of this name is refused on any object.
    pub(super) fn refused_attribute(&self, name: &str) -> Option<(&'static Rule, String)> {
        match self.attributes.get(name) {
            Some(Known::Frame) => return Some((&rule::INTROSPECTION_FRAME, format!("attribute `{}`", shorten(name)))),
            Some(Known::Never) => return Some((&rule::INTROSPECTION_PRIVATE, format!("private attribute `{}`", shorten(name)))),
            Some(Known::Harmless) => return None,
            Some(Known::NotDefined) => return Some((&rule::INTROSPECTION_DUNDER, format!("special attribute `{}`", shorten(name)))),
            Some(Known::Stream | Known::Documented) | None => {}
        }
        if is_special(name) {
            let own = self.defined.contains(name);
            return (!own).then(|| (&rule::INTROSPECTION_DUNDER, format!("special attribute `{}`", shorten(name))));
        }
        let module = self.watched.get(name)?;
        let shown = shorten(name);
        let instead = if (name, *module) == ("write", "zipfile") { "; `writestr` adds data" } else { "" };
        Some((&rule::INTROSPECTION_PIVOT, format!("attribute `{shown}`, in code that imports `{module}`{instead}")))
    }

    /// Whether some refused attribute starts with `prefix`: then a name built on it cannot be allowed.
    pub(super) fn may_become_refused(&self, prefix: &str) -> bool {
        let starts = |names: &str| names.split(' ').any(|name| name.starts_with(prefix));
        prefix.starts_with('_')
            || prefix.is_empty()
            || starts(FRAMES)
            || "format_map".starts_with(prefix)
            || self.watched.keys().any(|name| name.starts_with(prefix))
    }

    fn private_attribute(&mut self, attribute: &'a ast::ExprAttribute) {
        let name = attribute.attr.as_str();
        if !name.starts_with('_') || is_special(name) || matches!(self.attributes.get(name), Some(Known::Documented | Known::Never)) {
            return;
        }
        let own = self.is_receiver(&attribute.value) && !(self.attributes.get(name) == Some(Known::Stream) && self.receiver_is_foreign());
        if !own && self.is_foreign(&attribute.value) {
            let message = format!("private attribute `{}` of a library object", shorten(name));
            match advice::of_private(name) {
                Some(other) => self.suggest(&rule::INTROSPECTION_PRIVATE, attribute.range, message, other.to_owned()),
                None => self.add(&rule::INTROSPECTION_PRIVATE, attribute.range, message),
            }
        }
    }

    pub(super) fn receiver_is_foreign(&self) -> bool {
        self.frames.iter().rev().find(|frame| frame.receiver.is_some()).is_some_and(|frame| frame.foreign_class)
    }

    /// A name bound in a class body: a method or an attribute of the class.
    pub(super) fn class_member(&mut self, name: &str, range: TextRange) {
        if self.attributes.get(name) == Some(Known::NotDefined) {
            self.add(&rule::INTROSPECTION_DEFINITION, range, format!("a class defines `{}`", shorten(name)));
        }
    }

    /// `__match_args__` names attributes that class patterns read.
    pub(super) fn class_assignment(&mut self, assign: &'a ast::StmtAssign) {
        let names_attributes = assign.targets.iter().any(|target| match target {
            Expr::Name(name) => matches!(name.id.as_str(), "__match_args__" | "__slots__"),
            Expr::Attribute(attribute) => &*attribute.attr == "__match_args__",
            _ => false,
        });
        if !names_attributes {
            return;
        }
        self.listed.extend(assign.targets.iter().filter(|target| target.is_attribute_expr()).map(address));
        let slots = assign.targets.iter().all(|target| matches!(target, Expr::Name(name) if name.id.as_str() == "__slots__"));
        self.listed_names(&assign.value, slots);
    }

    /// `__match_args__` bound in a class body, otherwise than by a plain assignment, which is judged as a statement.
    pub(super) fn bound_match_args(&mut self, binding: Binding<'a>, range: TextRange) {
        match binding {
            Binding::Assign(value) => self.listed_names(value, false),
            Binding::Declare => {}
            _ => self.computed_names(range),
        }
    }

    fn computed_names(&mut self, range: TextRange) {
        self.add(&rule::INTROSPECTION_DEFINITION, range, "attribute names of a class pattern are computed".to_owned());
    }

    /// The names of attributes that a class lists: in its slots, or for patterns.
    fn listed_names(&mut self, value: &'a Expr, slots: bool) {
        let items: &[Expr] = match value {
            Expr::Tuple(tuple) => &tuple.elts,
            Expr::List(list) => &list.elts,
            Expr::Set(set) => &set.elts,
            single => std::slice::from_ref(single),
        };
        for item in items {
            match self.fold_text(item) {
                Some(name) if name == "__dict__" || name == "__weakref__" => {
                    if !slots {
                        self.attribute_by_name(&name, item.range());
                    }
                }
                // A slot is an attribute of the class's own objects.
                Some(name) if slots && streams::is_behind(&name) => self.note_named(&name, None, item.range()),
                Some(name) => {
                    self.note_named(&name, None, item.range());
                    self.attribute_by_name(&name, item.range());
                }
                None => self.computed_names(item.range()),
            }
        }
    }
}
