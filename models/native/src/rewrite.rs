//! Gives a parsed template Python's operators. Each operator becomes a call of a function of `operators`, and what is
//! written is an expression, so that nothing is computed, made or written that is not charged:
//!
//! ```text
//! {{ a + b }}        becomes   {{ "+ "(a, b) }}
//! {% for x in y %}   becomes   {% for x in "for "(y) %}
//! {{ c[1:] }}        becomes   {{ "[: "(c, 1, none, none) }}
//! text               becomes   {{ "text" }}
//! ```
//!
//! The tree of minijinja cannot be changed in place, so it is made anew.

use std::collections::BTreeMap;

use minijinja::machinery::ast::{self, BinOpKind, CallArg, CompareOpKind, Expr, Spanned, Stmt};
use minijinja::machinery::Span;
use minijinja::{Error, Value};

use crate::budget::refusal;

/// The statements of a template, with Python's operators.
pub fn template<'a>(source: &'a str, parsed: &Stmt<'a>) -> Result<Stmt<'a>, Error> {
    let mut macros = BTreeMap::new();
    declared(std::slice::from_ref(parsed), &mut macros);
    Rewriter { source, macros }.statement(parsed)
}

/// A macro's parameters, each with whether it has a default.
type Parameters<'a> = Vec<(&'a str, bool)>;

struct Rewriter<'a> {
    source: &'a str,
    macros: BTreeMap<&'a str, Parameters<'a>>,
}

/// Names of parameters that say that another was given. minijinja takes the default also where what is given is
/// undefined, and Python does not; so `{% macro f(x=1) %}`, called as `f(y)`, becomes a macro of x and "given 0",
/// called as `f(y, "given 0"=true)`.
const GIVEN: [&str; 12] = [
    "given 0", "given 1", "given 2", "given 3", "given 4", "given 5", "given 6", "given 7", "given 8", "given 9",
    "given 10", "given 11",
];

/// Collects the macros of statements by name, whatever they stand in.
fn declared<'a>(statements: &[Stmt<'a>], macros: &mut BTreeMap<&'a str, Parameters<'a>>) {
    for s in statements {
        match s {
            Stmt::Template(t) => declared(&t.children, macros),
            Stmt::ForLoop(f) => [&f.body, &f.else_body].into_iter().for_each(|body| declared(body, macros)),
            Stmt::IfCond(i) => [&i.true_body, &i.false_body].into_iter().for_each(|body| declared(body, macros)),
            Stmt::WithBlock(w) => declared(&w.body, macros),
            Stmt::SetBlock(s) => declared(&s.body, macros),
            Stmt::FilterBlock(f) => declared(&f.body, macros),
            Stmt::CallBlock(c) => declared(&c.macro_decl.body, macros),
            Stmt::Macro(m) => {
                declared(&m.body, macros);
                if m.args.len() <= GIVEN.len() {
                    macros.insert(m.name, parameters(m));
                }
            }
            _ => {}
        }
    }
}

fn parameters<'a>(m: &ast::Macro<'a>) -> Parameters<'a> {
    let without = m.args.len() - m.defaults.len();
    let name = |arg: &Expr<'a>| if let Expr::Var(v) = arg { v.id } else { "" };
    m.args.iter().enumerate().map(|(i, arg)| (name(arg), i >= without)).collect()
}

impl<'a> Rewriter<'a> {
    fn body(&self, statements: &[Stmt<'a>]) -> Result<Vec<Stmt<'a>>, Error> {
        statements.iter().map(|e| self.statement(e)).collect()
    }

    fn statement(&self, s: &Stmt<'a>) -> Result<Stmt<'a>, Error> {
        Ok(match s {
            Stmt::Template(t) => Stmt::Template(same(t, |t| Ok(ast::Template { children: self.body(&t.children)? }))?),
            Stmt::EmitExpr(e) => Stmt::EmitExpr(same(e, |e| Ok(ast::EmitExpr { expr: self.expression(&e.expr)? }))?),
            Stmt::EmitRaw(raw) => {
                let expr = constant(Value::from(raw.raw), raw.span());
                Stmt::EmitExpr(Spanned::new(ast::EmitExpr { expr }, raw.span()))
            }
            Stmt::ForLoop(f) => Stmt::ForLoop(same(f, |f| {
                Ok(ast::ForLoop {
                    target: self.target(&f.target)?,
                    iter: called("for ", f.iter.span(), [self.expression(&f.iter)?]),
                    filter_expr: f.filter_expr.as_ref().map(|e| self.expression(e)).transpose()?,
                    recursive: f.recursive,
                    body: self.body(&f.body)?,
                    else_body: self.body(&f.else_body)?,
                })
            })?),
            Stmt::IfCond(i) => Stmt::IfCond(same(i, |i| {
                let (true_body, false_body) = (self.body(&i.true_body)?, self.body(&i.false_body)?);
                Ok(ast::IfCond { expr: self.expression(&i.expr)?, true_body, false_body })
            })?),
            Stmt::WithBlock(w) => Stmt::WithBlock(same(w, |w| {
                let set = |(name, value): &(Expr<'a>, Expr<'a>)| Ok((self.target(name)?, self.expression(value)?));
                Ok(ast::WithBlock {
                    assignments: w.assignments.iter().map(set).collect::<Result<_, Error>>()?,
                    body: self.body(&w.body)?,
                })
            })?),
            Stmt::Set(s) => Stmt::Set(same(s, |s| {
                Ok(ast::Set { target: self.target(&s.target)?, expr: self.expression(&s.expr)? })
            })?),
            Stmt::SetBlock(s) => Stmt::SetBlock(same(s, |s| {
                let filter = s.filter.as_ref().map(|e| self.expression(e)).transpose()?;
                Ok(ast::SetBlock { target: self.target(&s.target)?, filter, body: self.body(&s.body)? })
            })?),
            Stmt::FilterBlock(f) => Stmt::FilterBlock(same(f, |f| {
                Ok(ast::FilterBlock { filter: self.expression(&f.filter)?, body: self.body(&f.body)? })
            })?),
            Stmt::Macro(m) => Stmt::Macro(same(m, |e| self.declaration(e))?),
            Stmt::CallBlock(c) => Stmt::CallBlock(same(c, |c| {
                Ok(ast::CallBlock {
                    call: same(&c.call, |e| self.call(e))?,
                    macro_decl: same(&c.macro_decl, |e| self.declaration(e))?,
                })
            })?),
            Stmt::Continue(c) => Stmt::Continue(Spanned::new(ast::Continue, c.span())),
            Stmt::Break(b) => Stmt::Break(Spanned::new(ast::Break, b.span())),
            Stmt::Include(_) | Stmt::Import(_) | Stmt::FromImport(_) | Stmt::Extends(_) => {
                return Err(refusal("a template can take nothing from another file"));
            }
            Stmt::Block(_) => return Err(refusal("the statement block is not supported")),
            Stmt::AutoEscape(_) => return Err(refusal("the statement autoescape is not supported")),
            Stmt::Do(_) => return Err(refusal("the statement do is not known")),
        })
    }

    fn declaration(&self, m: &ast::Macro<'a>) -> Result<ast::Macro<'a>, Error> {
        let mut args: Vec<Expr<'a>> = m.args.iter().map(|e| self.target(e)).collect::<Result<_, _>>()?;
        let mut body = self.body(&m.body)?;
        if self.macros.get(m.name) != Some(&parameters(m)) {
            return Ok(ast::Macro { name: m.name, args, defaults: self.expressions(&m.defaults)?, body });
        }
        let without = m.args.len() - m.defaults.len();
        for (i, default) in m.defaults.iter().enumerate().rev() {
            let (span, at) = (default.span(), without + i);
            let parameter = || variable(parameters(m)[at].0, span);
            let test =
                Expr::Test(Spanned::new(ast::Test { name: "undefined", expr: parameter(), args: Vec::new() }, span));
            let otherwise = either(span, test, self.expression(default)?, parameter());
            let expr = either(span, variable(GIVEN[at], span), parameter(), otherwise);
            body.insert(0, Stmt::Set(Spanned::new(ast::Set { target: parameter(), expr }, span)));
        }
        args.extend((without..m.args.len()).map(|at| variable(GIVEN[at], m.args[at].span())));
        Ok(ast::Macro { name: m.name, args, defaults: Vec::new(), body })
    }

    /// What is assigned to: a name, several, or a namespace's attribute.
    fn target(&self, e: &Expr<'a>) -> Result<Expr<'a>, Error> {
        Ok(match e {
            Expr::Var(v) => Expr::Var(same(v, |v| Ok(ast::Var { id: v.id }))?),
            Expr::List(l) => Expr::List(same(l, |l| {
                Ok(ast::List { items: l.items.iter().map(|e| self.target(e)).collect::<Result<_, _>>()? })
            })?),
            Expr::GetAttr(g) => {
                Expr::GetAttr(same(g, |g| Ok(ast::GetAttr { expr: self.target(&g.expr)?, name: g.name }))?)
            }
            other => return Err(refusal(format!("a {} cannot be assigned to", other.description()))),
        })
    }

    fn expressions(&self, all: &[Expr<'a>]) -> Result<Vec<Expr<'a>>, Error> {
        all.iter().map(|e| self.expression(e)).collect()
    }

    fn expression(&self, e: &Expr<'a>) -> Result<Expr<'a>, Error> {
        let span = e.span();
        Ok(match e {
            Expr::Var(v) => Expr::Var(same(v, |v| Ok(ast::Var { id: v.id }))?),
            Expr::Const(c) => Expr::Const(same(c, |c| Ok(ast::Const { value: c.value.clone() }))?),
            Expr::Slice(s) => {
                let bound = |e: &Option<Expr<'a>>| {
                    e.as_ref().map_or_else(|| Ok(constant(Value::from(()), span)), |e| self.expression(e))
                };
                called("[: ", span, [self.expression(&s.expr)?, bound(&s.start)?, bound(&s.stop)?, bound(&s.step)?])
            }
            Expr::UnaryOp(u) => Expr::UnaryOp(same(u, |u| {
                let op = match u.op {
                    ast::UnaryOpKind::Not => ast::UnaryOpKind::Not,
                    ast::UnaryOpKind::Neg => ast::UnaryOpKind::Neg,
                };
                Ok(ast::UnaryOp { op, expr: self.expression(&u.expr)? })
            })?),
            Expr::BinOp(b) => {
                let (left, right) = (self.expression(&b.left)?, self.expression(&b.right)?);
                match operator(b.op) {
                    Some(name) => called(name, span, [left, right]),
                    // minijinja folds what is constant into a bool, and Python gives the operand itself.
                    None => {
                        let left = if left.as_const().is_some() { called("value ", span, [left]) } else { left };
                        Expr::BinOp(Spanned::new(ast::BinOp { op: b.op, left, right }, span))
                    }
                }
            }
            Expr::Compare(c) if c.ops.len() == 1 => {
                called(comparison(c.ops[0].op), span, [self.expression(&c.expr)?, self.expression(&c.ops[0].expr)?])
            }
            Expr::Compare(c) if c.ops[..c.ops.len() - 1].iter().all(|o| plain(&o.expr)) => {
                // a < b < c is a < b and b < c, where b may be read twice
                let mut all: Option<Expr<'a>> = None;
                let mut left = &c.expr;
                for o in &c.ops {
                    let one = called(comparison(o.op), span, [self.expression(left)?, self.expression(&o.expr)?]);
                    left = &o.expr;
                    all = Some(match all {
                        None => one,
                        Some(before) => Expr::BinOp(Spanned::new(
                            ast::BinOp { op: BinOpKind::ScAnd, left: before, right: one },
                            span,
                        )),
                    });
                }
                all.expect("a comparison has an operator")
            }
            Expr::Compare(_) => {
                return Err(refusal("a chain of comparisons with an expression in its middle is not supported"))
            }
            Expr::IfExpr(i) => Expr::IfExpr(same(i, |i| {
                let false_expr = i.false_expr.as_ref().map(|e| self.expression(e)).transpose()?;
                Ok(ast::IfExpr {
                    test_expr: self.expression(&i.test_expr)?,
                    true_expr: self.expression(&i.true_expr)?,
                    false_expr,
                })
            })?),
            Expr::Filter(f) => Expr::Filter(same(f, |f| {
                let expr = f.expr.as_ref().map(|e| self.expression(e)).transpose()?;
                Ok(ast::Filter { name: f.name, expr, args: self.arguments(&f.args)? })
            })?),
            Expr::Test(t) => Expr::Test(same(t, |t| {
                Ok(ast::Test { name: t.name, expr: self.expression(&t.expr)?, args: self.arguments(&t.args)? })
            })?),
            Expr::GetAttr(g) => Expr::GetAttr(same(g, |e| self.attribute(e))?),
            Expr::GetItem(g) => called("[ ", span, [self.expression(&g.expr)?, self.expression(&g.subscript_expr)?]),
            Expr::Call(c) => Expr::Call(same(c, |e| self.call(e))?),
            Expr::List(l) => {
                let tuple = self.source.as_bytes().get(span.start_offset as usize) == Some(&b'(');
                let list = Expr::List(same(l, |l| Ok(ast::List { items: self.expressions(&l.items)? }))?);
                called(if tuple { "tuple " } else { "made " }, span, [list])
            }
            Expr::Map(m) => called(
                "made ",
                span,
                [Expr::Map(same(m, |m| {
                    Ok(ast::Map { keys: self.expressions(&m.keys)?, values: self.expressions(&m.values)? })
                })?)],
            ),
        })
    }

    fn attribute(&self, g: &ast::GetAttr<'a>) -> Result<ast::GetAttr<'a>, Error> {
        if g.name.starts_with("__") {
            return Err(refusal(format!("the attribute {} is not allowed", g.name)));
        }
        Ok(ast::GetAttr { expr: self.expression(&g.expr)?, name: g.name })
    }

    /// A call, of which a method stays one: `a.b(c)`.
    fn call(&self, c: &ast::Call<'a>) -> Result<ast::Call<'a>, Error> {
        let (expr, mut args) = (self.expression(&c.expr)?, self.arguments(&c.args)?);
        let Expr::Var(name) = &c.expr else { return Ok(ast::Call { expr, args }) };
        let Some(parameters) = self.macros.get(name.id) else { return Ok(ast::Call { expr, args }) };
        let positional = c.args.iter().filter(|arg| matches!(arg, CallArg::Pos(_))).count();
        if positional > parameters.len() {
            return Err(refusal(format!(
                "the macro {} takes {} arguments, and {positional} are given",
                name.id,
                parameters.len()
            )));
        }
        for (at, (parameter, _)) in parameters.iter().enumerate().filter(|(_, (_, default))| *default) {
            let named = |arg: &CallArg<'a>| matches!(arg, CallArg::Kwarg(name, _) if name == parameter);
            if at < positional || c.args.iter().any(named) {
                args.push(CallArg::Kwarg(GIVEN[at], constant(Value::from(true), name.span())));
            }
        }
        Ok(ast::Call { expr, args })
    }

    fn arguments(&self, args: &[CallArg<'a>]) -> Result<Vec<CallArg<'a>>, Error> {
        let argument = |arg: &CallArg<'a>| {
            Ok(match arg {
                CallArg::Pos(e) => CallArg::Pos(self.expression(e)?),
                CallArg::Kwarg(name, e) => CallArg::Kwarg(name, self.expression(e)?),
                CallArg::PosSplat(e) => CallArg::PosSplat(called("for ", e.span(), [self.expression(e)?])),
                CallArg::KwargSplat(e) => CallArg::KwargSplat(self.expression(e)?),
            })
        };
        args.iter().map(argument).collect()
    }
}

fn same<T, U>(node: &Spanned<T>, make: impl FnOnce(&T) -> Result<U, Error>) -> Result<Spanned<U>, Error> {
    Ok(Spanned::new(make(node)?, node.span()))
}

fn called<'a>(function: &'static str, span: Span, args: impl IntoIterator<Item = Expr<'a>>) -> Expr<'a> {
    Expr::Call(Spanned::new(
        ast::Call { expr: variable(function, span), args: args.into_iter().map(CallArg::Pos).collect() },
        span,
    ))
}

fn variable(id: &str, span: Span) -> Expr<'_> {
    Expr::Var(Spanned::new(ast::Var { id }, span))
}

fn either<'a>(span: Span, test_expr: Expr<'a>, true_expr: Expr<'a>, otherwise: Expr<'a>) -> Expr<'a> {
    Expr::IfExpr(Spanned::new(ast::IfExpr { test_expr, true_expr, false_expr: Some(otherwise) }, span))
}

fn constant<'a>(value: Value, span: Span) -> Expr<'a> {
    Expr::Const(Spanned::new(ast::Const { value }, span))
}

/// Tells whether an expression is a name, a constant, or an attribute of one.
fn plain(e: &Expr) -> bool {
    match e {
        Expr::Var(_) | Expr::Const(_) => true,
        Expr::GetAttr(g) => plain(&g.expr),
        _ => false,
    }
}

/// The function of an operator; `and` and `or`, which may leave their right side alone, have none.
fn operator(op: BinOpKind) -> Option<&'static str> {
    Some(match op {
        BinOpKind::ScAnd | BinOpKind::ScOr => return None,
        BinOpKind::Eq => "== ",
        BinOpKind::Ne => "!= ",
        BinOpKind::Lt => "< ",
        BinOpKind::Lte => "<= ",
        BinOpKind::Gt => "> ",
        BinOpKind::Gte => ">= ",
        BinOpKind::Add => "+ ",
        BinOpKind::Sub => "- ",
        BinOpKind::Mul => "* ",
        BinOpKind::Div => "/ ",
        BinOpKind::FloorDiv => "// ",
        BinOpKind::Rem => "% ",
        BinOpKind::Pow => "** ",
        BinOpKind::Concat => "~ ",
        BinOpKind::In => "in ",
    })
}

fn comparison(op: CompareOpKind) -> &'static str {
    match op {
        CompareOpKind::Eq => "== ",
        CompareOpKind::Ne => "!= ",
        CompareOpKind::Lt => "< ",
        CompareOpKind::Lte => "<= ",
        CompareOpKind::Gt => "> ",
        CompareOpKind::Gte => ">= ",
        CompareOpKind::In => "in ",
        CompareOpKind::NotIn => "not in ",
    }
}
