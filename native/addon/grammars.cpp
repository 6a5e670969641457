// compileGrammar({kind, text, lenient}): Promise<{status, report, grammar}>; a Grammar judges, explains and becomes
// lazy on the pool, and makes Matchers, which follow a text on the caller's thread. Reports are the library's JSON.
#include <sluice_grammar.h>

#include <memory>

#include "convert.h"
#include "domains.h"

namespace sluice_addon {

using Held = std::shared_ptr<SluiceGrammar>;

// Per environment: a worker thread has its own.
struct GrammarClasses {
    Napi::FunctionReference grammar, matcher;
};

static Held hold(SluiceGrammar* grammar) { return Held(grammar, sluice_grammar_free); }

static std::string take_report(char* report) {
    std::string copy = report ? report : "";
    sluice_grammar_text_free(report);
    return copy;
}

// Unlike other texts these have a length: they may hold the character 0.
static std::string utf8(const Napi::Value& value, const char* what) {
    if (!value.IsString()) throw Napi::TypeError::New(value.Env(), std::string(what) + ": expected a string");
    return value.As<Napi::String>().Utf8Value();
}

static Napi::Object make_reply(Napi::Env env, int32_t status, const std::string& report) {
    Napi::Object reply = Napi::Object::New(env);
    reply.Set("status", status);
    reply.Set("report", report);
    return reply;
}

// A call on a pool thread; it keeps its grammar alive. What it makes, if anything, becomes `reply.grammar`.
class GrammarCall : public Napi::AsyncWorker {
  public:
    using Call = std::function<int32_t(SluiceGrammar** made, char** report)>;

    static Napi::Value start(Napi::Env env, GrammarClasses* classes, Call call) {
        auto* worker = new GrammarCall(env, classes, std::move(call));
        const Napi::Promise promise = worker->deferred_.Promise();
        worker->Queue();
        return promise;
    }

  private:
    GrammarCall(Napi::Env env, GrammarClasses* classes, Call call)
        : Napi::AsyncWorker(env),
          deferred_(Napi::Promise::Deferred::New(env)),
          classes_(classes),
          call_(std::move(call)) {}

    void Execute() override {
        SluiceGrammar* made = nullptr;
        char* report = nullptr;
        status_ = call_(&made, &report);
        made_ = hold(made);
        report_ = take_report(report);
    }
    void OnOK() override {
        const Napi::HandleScope scope(Env());
        Napi::Object reply = make_reply(Env(), status_, report_);
        reply.Set("grammar", Env().Null());
        if (made_) reply.Set("grammar", classes_->grammar.New({Napi::External<Held>::New(Env(), &made_)}));
        deferred_.Resolve(reply);
    }
    void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

    Napi::Promise::Deferred deferred_;
    GrammarClasses* classes_;
    Call call_;
    int32_t status_ = SLUICE_GRAMMAR_INTERNAL;
    Held made_;
    std::string report_;
};

class Matcher : public Napi::ObjectWrap<Matcher> {
  public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(env, "Matcher",
                           {InstanceMethod<&Matcher::push>("push"), InstanceMethod<&Matcher::reset>("reset"),
                            InstanceMethod<&Matcher::close>("close")});
    }
    // Only Grammar.matcher makes one, with its grammar as an external value.
    explicit Matcher(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Matcher>(info) {
        if (info.Length() != 1 || !info[0].IsExternal()) {
            throw Napi::TypeError::New(info.Env(), "a Matcher comes from a Grammar");
        }
        matcher_ = sluice_grammar_matcher_new(info[0].As<Napi::External<Held>>().Data()->get());
        if (!matcher_) throw Napi::Error::New(info.Env(), "the grammar library could not make a matcher");
    }
    ~Matcher() override { sluice_grammar_matcher_free(matcher_); }

  private:
    SluiceGrammarMatcher* open(Napi::Env env) const {
        if (!matcher_) throw Napi::Error::New(env, "this matcher is closed");
        return matcher_;
    }
    Napi::Value push(const Napi::CallbackInfo& info) {
        const std::string text = utf8(info[0], "push");
        char* report = nullptr;
        const int32_t status = sluice_grammar_matcher_push(open(info.Env()), text.data(), text.size(), &report);
        return make_reply(info.Env(), status, take_report(report));
    }
    void reset(const Napi::CallbackInfo& info) { sluice_grammar_matcher_reset(open(info.Env())); }
    void close(const Napi::CallbackInfo&) {
        sluice_grammar_matcher_free(matcher_);
        matcher_ = nullptr;
    }

    SluiceGrammarMatcher* matcher_ = nullptr;
};

class Grammar : public Napi::ObjectWrap<Grammar> {
  public:
    static Napi::Function define(Napi::Env env, GrammarClasses* classes) {
        return DefineClass(env, "Grammar",
                           {InstanceMethod<&Grammar::judge>("judge", napi_default_method, classes),
                            InstanceMethod<&Grammar::explain>("explain", napi_default_method, classes),
                            InstanceMethod<&Grammar::lazy>("lazy", napi_default_method, classes),
                            InstanceMethod<&Grammar::matcher>("matcher", napi_default_method, classes)});
    }
    // Only compileGrammar makes one, with what it compiled as an external value.
    explicit Grammar(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Grammar>(info) {
        if (info.Length() != 1 || !info[0].IsExternal()) {
            throw Napi::TypeError::New(info.Env(), "a Grammar comes from compileGrammar");
        }
        held_ = *info[0].As<Napi::External<Held>>().Data();
    }

  private:
    static GrammarClasses* classes_of(const Napi::CallbackInfo& info) {
        return static_cast<GrammarClasses*>(info.Data());
    }
    Napi::Value judge(const Napi::CallbackInfo& info) {
        const auto text = std::make_shared<std::string>(utf8(info[0], "judge"));
        return GrammarCall::start(info.Env(), classes_of(info), [held = held_, text](SluiceGrammar**, char** report) {
            return sluice_grammar_judge(held.get(), text->data(), text->size(), report);
        });
    }
    Napi::Value explain(const Napi::CallbackInfo& info) {
        const Fields fields(info[0], "explain");
        const auto examples = uint32_t(fields.whole("examples", 1000));
        const uint64_t seed = fields.whole("seed", 1ull << 53);
        return GrammarCall::start(info.Env(), classes_of(info), [=, held = held_](SluiceGrammar**, char** report) {
            return sluice_grammar_explain(held.get(), examples, seed, report);
        });
    }
    Napi::Value lazy(const Napi::CallbackInfo& info) {
        const std::string marker = utf8(info[0], "lazy");
        return GrammarCall::start(info.Env(), classes_of(info), [held = held_, marker](SluiceGrammar** made, char** report) {
            return sluice_grammar_lazy(held.get(), marker.data(), marker.size(), made, report);
        });
    }
    Napi::Value matcher(const Napi::CallbackInfo& info) {
        return classes_of(info)->matcher.New({Napi::External<Held>::New(info.Env(), &held_)});
    }

    Held held_;
};

static uint32_t read_kind(const Fields& fields) {
    const std::string kind = fields.text("kind");
    if (kind == "gbnf") return SLUICE_GRAMMAR_GBNF;
    if (kind == "lark") return SLUICE_GRAMMAR_LARK;
    if (kind == "json-schema") return SLUICE_GRAMMAR_JSON_SCHEMA;
    throw Napi::RangeError::New(fields.value("kind").Env(),
                                "compileGrammar.kind: expected gbnf, lark or json-schema, found " + kind);
}

static Napi::Value compile_grammar(const Napi::CallbackInfo& info) {
    const Fields fields(info[0], "compileGrammar");
    const uint32_t kind = read_kind(fields);
    const auto text = std::make_shared<std::string>(utf8(fields.value("text"), "compileGrammar.text"));
    const bool lenient = fields.boolean("lenient");
    return GrammarCall::start(info.Env(), static_cast<GrammarClasses*>(info.Data()),
                              [=](SluiceGrammar** made, char** report) {
                                  return sluice_grammar_compile(kind, text->data(), text->size(), lenient, made, report);
                              });
}

void add_grammars(Napi::Env env, Napi::Object exports) {
    auto* classes = new GrammarClasses;
    classes->grammar = Napi::Persistent(Grammar::define(env, classes));
    classes->matcher = Napi::Persistent(Matcher::define(env));
    env.AddCleanupHook([](GrammarClasses* held) { delete held; }, classes);
    exports.Set("compileGrammar", Napi::Function::New(env, compile_grammar, "compileGrammar", classes));
}

}  // namespace sluice_addon
