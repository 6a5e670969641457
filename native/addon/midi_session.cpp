// midiOpen({path, weights, config, lora, threads}): Promise<MidiSession>; a session composes on pool threads, streams
// its events, and is told to stop from JavaScript's.
#include <atomic>
#include <optional>

#include "domains.h"
#include "midi.h"

namespace sluice_addon {

namespace {

// Closed when the last job and the JavaScript object have let go of it.
struct Opened {
    SkytntMidiModel* model = nullptr;
    SkytntMidiSession* session = nullptr;
    SkytntMidiModelInfo info{};
    std::atomic<bool> busy{false};
    ~Opened() {
        skytnt_midi_session_free(session);
        skytnt_midi_model_free(model);
    }
};
using OpenedPointer = std::shared_ptr<Opened>;

struct Event {
    uint32_t variation;
    uint32_t row[SKYTNT_MIDI_ROW];
};

// A description and what it points at.
struct Composition {
    SkytntMidiComposeDesc desc{};
    std::vector<uint32_t> seed_rows;
    std::vector<uint8_t> instruments;

    explicit Composition(const Napi::Value& value) {
        const Fields fields(value, "compose");
        desc.size = sizeof desc;
        seed_rows = read_rows(fields.value("seedRows"), "compose.seedRows");
        desc.seed_rows = seed_rows.data();
        desc.seed_count = seed_rows.size() / SKYTNT_MIDI_ROW;
        desc.exact_rows = fields.boolean("exactRows");
        desc.seed = fields.whole("seed", UINT64_MAX);
        desc.count = uint32_t(fields.whole("count", 64));
        desc.events = fields.whole("events", 1u << 20);
        desc.seconds = fields.number("seconds");
        desc.temperature = float(fields.number("temperature"));
        desc.top_p = float(fields.number("topP"));
        desc.top_k = fields.whole("topK", 1u << 20);
        read_instruments(fields.value("instruments"));
        desc.drums = uint32_t(fields.absent("drums") ? 0 : fields.whole("drums", 127) + 1);
        desc.bpm = uint32_t(fields.whole("bpm", 1u << 20));
        if (!fields.absent("timeSignature")) {
            const Fields time(fields.value("timeSignature"), "compose.timeSignature");
            desc.time_numerator = uint32_t(time.whole("numerator", 255));
            desc.time_denominator_power = uint32_t(time.whole("denominatorPower", 255));
        }
        if (!fields.absent("key")) {
            const Fields key(fields.value("key"), "compose.key");
            desc.has_key = true;
            desc.key_sharps = int32_t(key.number("sharps"));
            desc.key_minor = key.boolean("minor");
        }
        desc.no_patch_change = fields.boolean("noPatchChange");
        desc.no_control_change = fields.boolean("noControlChange");
        desc.no_channels = uint16_t(fields.whole("noChannels", 0xffff));
    }
    Composition(const Composition&) = delete;

  private:
    void read_instruments(const Napi::Value& value) {
        if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
            throw Napi::TypeError::New(value.Env(), "compose.instruments: expected a Uint8Array");
        }
        const auto array = value.As<Napi::Uint8Array>();
        instruments.assign(array.Data(), array.Data() + array.ElementLength());
        desc.instruments = instruments.data();
        desc.instrument_count = instruments.size();
    }
};

class ComposeCall : public Napi::AsyncProgressQueueWorker<Event> {
  public:
    ComposeCall(Napi::Env env, OpenedPointer opened, std::unique_ptr<Composition> job, Napi::Function on_event)
        : Napi::AsyncProgressQueueWorker<Event>(env),
          deferred_(Napi::Promise::Deferred::New(env)),
          opened_(std::move(opened)),
          job_(std::move(job)),
          on_event_(Napi::Persistent(on_event)) {}
    Napi::Promise promise() const { return deferred_.Promise(); }

  private:
    struct Running {
        const ExecutionProgress* progress;
    };

    void Execute(const ExecutionProgress& progress) override {
        Running running{&progress};
        job_->desc.user = &running;
        job_->desc.event = [](void* user, uint32_t variation, const uint32_t* row) -> int32_t {
            Event event{variation, {}};
            std::copy(row, row + SKYTNT_MIDI_ROW, event.row);
            static_cast<Running*>(user)->progress->Send(&event, 1);
            return 0;
        };
        status_ = skytnt_midi_session_compose(opened_->session, &job_->desc, &report_, &error_);
        const uint32_t variations = std::max(job_->desc.count, 1u);
        for (uint32_t i = 0; status_ == 0 && i < variations; i++) {
            uint32_t* rows = nullptr;
            size_t count = 0;
            status_ = skytnt_midi_session_rows(opened_->session, i, &rows, &count, &error_);
            if (status_ == 0) variations_.push_back(take_rows(rows, count));
        }
        opened_->busy = false;
    }

    void OnProgress(const Event* events, size_t count) override {
        const Napi::HandleScope scope(Env());
        for (size_t i = 0; i < count; i++) {
            auto row = Napi::Uint32Array::New(Env(), SKYTNT_MIDI_ROW);
            std::copy(events[i].row, events[i].row + SKYTNT_MIDI_ROW, row.Data());
            on_event_.Call({Napi::Number::New(Env(), events[i].variation), row});
        }
    }

    void OnOK() override {
        const Napi::HandleScope scope(Env());
        if (status_ != 0) return deferred_.Reject(to_js(Env(), error_).Value());
        Napi::Object result = Napi::Object::New(Env());
        Napi::Array list = Napi::Array::New(Env(), variations_.size());
        for (uint32_t i = 0; i < variations_.size(); i++) list.Set(i, rows_to_js(Env(), variations_[i]));
        result.Set("variations", list);
        result.Set("events", double(report_.events));
        result.Set("tokens", double(report_.tokens));
        result.Set("seconds", report_.seconds);
        result.Set("firstEventSeconds", report_.first_event_seconds);
        result.Set("cacheBytes", double(report_.cache_bytes));
        deferred_.Resolve(result);
    }

    Napi::Promise::Deferred deferred_;
    OpenedPointer opened_;
    std::unique_ptr<Composition> job_;
    Napi::FunctionReference on_event_;
    SkytntMidiComposeReport report_{};
    SkytntMidiError error_{};
    std::vector<std::vector<uint32_t>> variations_;
    int status_ = 1;
};

class Session : public Napi::ObjectWrap<Session> {
  public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(env, "MidiSession",
                           {InstanceMethod<&Session::compose>("compose"), InstanceMethod<&Session::logits>("logits"),
                            InstanceMethod<&Session::stop>("stop"), InstanceMethod<&Session::info>("info"),
                            InstanceMethod<&Session::close>("close")});
    }
    explicit Session(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Session>(info) {
        if (info.Length() != 1 || !info[0].IsExternal()) {
            throw Napi::TypeError::New(info.Env(), "a MidiSession comes from midiOpen");
        }
        opened_ = *info[0].As<Napi::External<OpenedPointer>>().Data();
    }

  private:
    // One job at a time: the next is refused while one runs.
    OpenedPointer begin(Napi::Env env) {
        if (!opened_) throw Napi::Error::New(env, "the MIDI session is closed");
        if (opened_->busy.exchange(true)) throw Napi::Error::New(env, "the MIDI session is busy");
        return opened_;
    }

    Napi::Value compose(const Napi::CallbackInfo& info) {
        auto job = std::make_unique<Composition>(info[0]);
        if (!info[1].IsFunction()) throw Napi::TypeError::New(info.Env(), "compose: expected a function for events");
        const OpenedPointer opened = begin(info.Env());
        auto* call = new ComposeCall(info.Env(), opened, std::move(job), info[1].As<Napi::Function>());
        const Napi::Promise promise = call->promise();
        call->Queue();
        return promise;
    }

    Napi::Value logits(const Napi::CallbackInfo& info) {
        const auto rows = std::make_shared<std::vector<uint32_t>>(read_rows(info[0], "logits"));
        const OpenedPointer opened = begin(info.Env());
        return MidiCall::start(info.Env(), [opened, rows](MidiCall::Make& make, SkytntMidiError& error) {
            const size_t count = rows->size() / SKYTNT_MIDI_ROW;
            const auto hidden = std::make_shared<std::vector<float>>(count * opened->info.hidden_size);
            const size_t places = count == 0 ? 0 : (count - 1) * SKYTNT_MIDI_ROW;
            const auto logits = std::make_shared<std::vector<float>>(places * opened->info.vocab_size);
            const int status = skytnt_midi_session_logits(opened->session, rows->data(), count, hidden->data(),
                                                          logits->data(), &error);
            opened->busy = false;
            make = [hidden, logits](Napi::Env env) {
                const auto floats = [env](const std::vector<float>& from) {
                    auto array = Napi::Float32Array::New(env, from.size());
                    std::copy(from.begin(), from.end(), array.Data());
                    return array;
                };
                Napi::Object result = Napi::Object::New(env);
                result.Set("hidden", floats(*hidden));
                result.Set("logits", floats(*logits));
                return result;
            };
            return status;
        });
    }

    void stop(const Napi::CallbackInfo& info) {
        if (opened_ && opened_->busy) skytnt_midi_session_cancel(opened_->session, info[0].ToBoolean());
    }

    void close(const Napi::CallbackInfo&) {
        if (opened_ && opened_->busy) skytnt_midi_session_cancel(opened_->session, false);
        opened_.reset();
    }

    Napi::Value info(const Napi::CallbackInfo& info) {
        if (!opened_) throw Napi::Error::New(info.Env(), "the MIDI session is closed");
        Napi::Object result = Napi::Object::New(info.Env());
        result.Set("version", opened_->info.version);
        result.Set("optimiseMidi", opened_->info.optimise_midi);
        result.Set("vocabSize", double(opened_->info.vocab_size));
        result.Set("hiddenSize", double(opened_->info.hidden_size));
        result.Set("weightBytes", double(opened_->info.weight_bytes));
        return result;
    }

    OpenedPointer opened_;
};

Napi::Value open(const Napi::CallbackInfo& info) {
    const Fields fields(info[0], "midiOpen");
    const std::string path = fields.text("path");
    const std::optional<std::string> weights = fields.optional_text("weights");
    const std::optional<std::string> config = fields.optional_text("config");
    const std::optional<std::string> lora = fields.optional_text("lora");
    const size_t threads = fields.whole("threads", 256);
    auto* constructor = static_cast<Napi::FunctionReference*>(info.Data());
    return MidiCall::start(info.Env(), [=](MidiCall::Make& make, SkytntMidiError& error) {
        const auto c_str = [](const std::optional<std::string>& text) { return text ? text->c_str() : nullptr; };
        const auto opened = std::make_shared<Opened>();
        SkytntMidiModelDesc model{};
        model.size = sizeof model;
        model.path = path.c_str();
        model.weights = c_str(weights);
        model.config = c_str(config);
        model.lora = c_str(lora);
        int status = skytnt_midi_model_load(&model, &opened->model, &error);
        if (status == 0) status = skytnt_midi_model_info(opened->model, &opened->info, &error);
        SkytntMidiSessionDesc session{};
        session.size = sizeof session;
        session.threads = threads;
        if (status == 0) status = skytnt_midi_session_new(opened->model, &session, &opened->session, &error);
        make = [opened, constructor](Napi::Env env) {
            OpenedPointer pointer = opened;
            return constructor->New({Napi::External<OpenedPointer>::New(env, &pointer)});
        };
        return status;
    });
}

}  // namespace

void add_midi_session(Napi::Env env, Napi::Object exports) {
    auto* constructor = new Napi::FunctionReference(Napi::Persistent(Session::define(env)));
    Napi::Function function = Napi::Function::New(env, open, "midiOpen", constructor);
    function.AddFinalizer([](Napi::Env, Napi::FunctionReference* reference) { delete reference; }, constructor);
    exports.Set("midiOpen", function);
    exports.Set("midiApiVersion", Napi::Number::New(env, skytnt_midi_api_version()));
}

}  // namespace sluice_addon
