// SPDX-License-Identifier: Apache-2.0
//
// Random events, as the keyring, requests, people and hosts may cause them in any order, against a
// simple model of what must hold whatever happens.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/keys/key_notes.h"
#include "agent/keys/key_opener.h"
#include "agent/keys/key_table.h"
#include "tests/unit/agent/fake_key_hosts.h"
#include "tests/unit/agent/keys_support.h"
#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::FileKeyOperation;
using base::Result;
using wire::KeySignature;
using namespace std::chrono_literals;

constexpr int kKeys = 3;
constexpr int kSteps = 60;
constexpr int kWalks = 1000;

// What must be so of a key, told in few words.
struct Model {
    bool is_there = false;     // has a token, or was added and waits for it
    bool is_awaited = false;   // was added, and nobody said yet that its token is to be believed
    bool is_trusting = false;  // somebody said so, and the keyring was not asked since
    bool is_locked = false;
    keyring::KeySerial serial = {};
    std::string locator = {};
    int lock_step = -1;  // steps
    int end_step = -1;
    std::optional<std::uint64_t> in_use = {};  // Key::id, if that is known
};

// Of a key that is being opened for a person.
struct Open {
    KeyRef key;
    int begin_step = 0;
    std::optional<KeySignature> unlocks = {};  // none if it adds
    int answers = 0;
};

class Walk {
  public:
    explicit Walk(std::uint64_t seed) : random_(seed) {}

    void run() {
        for (step_ = 0; step_ < kSteps && !::testing::Test::HasFailure(); ++step_) {
            take_step();
            check();
        }
        while (!hosts_.jobs().empty()) {
            finish_open();
        }
        for (const auto& open : opens_) {
            EXPECT_EQ(open->answers, 1);
        }
    }

  private:
    int pick(int below) { return std::uniform_int_distribution(0, below - 1)(random_); }
    KeySignature pick_signature() { return test::signature(pick(kKeys)); }
    static std::string locator(int which) { return fmt::format("file:///{}.pem", which); }

    void take_step() {
        using Event = void (Walk::*)();
        static constexpr auto kEvents = std::to_array<Event>({&Walk::see_token,
                                                              &Walk::see_token,
                                                              &Walk::see_token,
                                                              &Walk::lose_token,
                                                              &Walk::trust_next_token,
                                                              &Walk::use_key,
                                                              &Walk::use_key,
                                                              &Walk::use_key,
                                                              &Walk::finish_operation,
                                                              &Walk::finish_operation,
                                                              &Walk::begin_add,
                                                              &Walk::begin_unlock,
                                                              &Walk::begin_unlock,
                                                              &Walk::finish_open,
                                                              &Walk::finish_open,
                                                              &Walk::finish_open,
                                                              &Walk::lock,
                                                              &Walk::lock_all,
                                                              &Walk::forget,
                                                              &Walk::restart});
        hosts_.let_go_late(pick(2) == 0);
        const auto event = kEvents[static_cast<std::size_t>(pick(kEvents.size()))];
        (this->*event)();
    }

    // --- The keyring ---

    void see_token() {
        see_token(pick_signature(), keyring::KeySerial{1 + pick(2)}, locator(pick(2)));
    }

    void see_token(const KeySignature& signature, keyring::KeySerial serial,
                   const std::string& locator) {
        auto& model = models_[signature];
        const bool is_same =
            model.locator == locator && (model.is_trusting || model.serial == serial);
        if (!model.is_there || (!model.is_awaited && !is_same)) {
            end(signature);
            model.is_there = true;
            model.is_locked = false;
            model.locator = locator;
        }
        model.serial = serial;
        model.is_trusting = false;
        keyring_[signature] = Token{serial, pick(2) == 0, locator};
        carry_out(see(signature));
    }

    KeyEffects see(const KeySignature& signature) {
        const auto& token = keyring_.at(signature);
        return table_
            ->see_token(signature, {token.serial, token.in_user_keyring, test::openssl_module(),
                                    base::as_bytes(token.locator)})
            .effects;
    }

    void lose_token() {
        const auto signature = pick_signature();
        if (!models_[signature].is_awaited) {
            end(signature);
        }
        keyring_.erase(signature);
        const auto why = std::to_array({ErrorCode::kUnknownKey, ErrorCode::kKeyExpired,
                                        ErrorCode::kKeyRevoked, ErrorCode::kAccessDenied});
        carry_out(table_->lose_token(signature, why[static_cast<std::size_t>(pick(4))]));
    }

    void trust_next_token() {
        const auto signature = pick_signature();
        auto& model = models_[signature];
        model.is_trusting = model.is_there;
        model.is_awaited = false;
        table_->trust_next_token(signature);
    }

    void end(const KeySignature& signature) {
        auto& model = models_[signature];
        model = Model{.lock_step = model.lock_step, .end_step = step_};
    }

    // --- Requests ---

    void use_key() {
        const auto signature = pick_signature();
        const auto action = pick(2) == 0 ? FileKeyOperation::kDecrypt : FileKeyOperation::kEncrypt;
        auto& model = models_[signature];
        const auto key = table_->use_key(signature, action);
        if (!key) {
            EXPECT_TRUE(!model.is_there || model.is_locked) << key.error().message;
            return;
        }
        EXPECT_TRUE(model.is_there);
        EXPECT_FALSE(closed_.contains((*key)->id));
        EXPECT_EQ((*key)->signature, signature);
        if ((*key)->use == pki::KeyUse::kPrivate) {
            EXPECT_FALSE(model.is_locked);
            EXPECT_EQ(model.in_use.value_or((*key)->id), (*key)->id);
            model.in_use = (*key)->id;
        } else {
            EXPECT_TRUE(model.is_locked && action == FileKeyOperation::kEncrypt);
        }
        keys_.push_back(*key);
        used_.push_back(*key);
    }

    void finish_operation() {
        if (used_.empty()) {
            return;
        }
        const auto key = used_[static_cast<std::size_t>(pick(static_cast<int>(used_.size())))];
        auto& model = models_[*key->signature];
        const auto errors =
            std::to_array({ErrorCode::kWrongSecret, ErrorCode::kInvalidKey, ErrorCode::kTimedOut});
        const auto which = static_cast<std::size_t>(pick(6));
        if (which >= errors.size()) {
            carry_out(table_->record_success(*key, 1ms));
            return;
        }
        if (errors[which] == ErrorCode::kWrongSecret && model.in_use == key->id) {
            lock(model);
        }
        carry_out(table_->record_failure(*key, {errors[which], "why"}).effects);
    }

    // --- People ---

    void begin_add() {
        auto key = table_->begin_add(test::openssl_module(), locator(pick(2)), pick_secret());
        open({std::move(key), step_});
    }

    void begin_unlock() {
        const auto signature = pick_signature();
        auto key = table_->begin_unlock(signature, pick_secret());
        EXPECT_EQ(key.has_value(), models_[signature].is_there);
        if (key) {
            open({std::move(*key), step_, signature});
        }
    }

    std::optional<base::SecretBytes> pick_secret() {
        return pick(4) == 0 ? std::nullopt : test::secret("open sesame");
    }

    void open(Open begun) {
        keys_.push_back(begun.key);
        opens_.push_back(std::make_unique<Open>(std::move(begun)));
        auto& open = *opens_.back();
        opener_.open(open.key, {},
                     [this, &open](const Result<OpenedKey>& opened) { finish_open(open, opened); });
    }

    // A host that does not let go yet may even say that it opened a key that was closed.
    void finish_open() {
        if (hosts_.jobs().empty()) {
            return;
        }
        const auto which = pick(static_cast<int>(hosts_.jobs().size()));
        const auto& key = hosts_.jobs()[static_cast<std::size_t>(which)].key;
        const auto signature = key->signature.value_or(pick_signature());
        hosts_.finish(static_cast<std::size_t>(which),
                      pick(4) == 0
                          ? Result<JobResult>(std::unexpected(Error{ErrorCode::kWrongSecret, "no"}))
                          : JobResult{{}, signature, {}, {}});
    }

    void finish_open(Open& open, const Result<OpenedKey>& opened) {
        ++open.answers;
        const auto before = opened ? table_->find(opened->signature) : std::nullopt;
        auto outcome = open.unlocks ? table_->finish_unlock(open.key, opened)
                                    : table_->finish_add(open.key, opened);
        if (outcome.result) {
            accept(open, opened->signature, before && before->state == KeyState::kUnlocked);
        }
        carry_out(outcome.effects);
    }

    void accept(const Open& open, const KeySignature& signature, bool was_unlocked) {
        auto& model = models_[signature];
        const auto id = open.key->id;
        EXPECT_GT(open.begin_step, model.lock_step);
        EXPECT_GT(open.begin_step, last_lock_of_all_);
        EXPECT_FALSE(closed_.contains(id));
        if (open.unlocks) {
            EXPECT_GT(open.begin_step, model.end_step);
            EXPECT_TRUE(model.is_there);
        } else {
            if (!model.is_there || model.locator != open.key->locator) {
                end(signature);
                was_unlocked = false;
            }
            model.is_there = true;
            model.is_awaited = true;
            model.is_trusting = false;
            model.locator = open.key->locator;
        }
        model.is_locked = false;
        model.in_use = was_unlocked ? model.in_use : id;
    }

    void lock() {
        const auto signature = pick_signature();
        lock(models_[signature]);
        models_[signature].lock_step = step_;
        carry_out(table_->lock(signature));
    }

    static void lock(Model& model) {
        model.is_locked = model.is_there;
        model.in_use.reset();
    }

    void lock_all() {
        for (auto& [signature, model] : models_) {
            lock(model);
        }
        last_lock_of_all_ = step_;
        carry_out(table_->lock_all());
    }

    void forget() {
        const auto signature = pick_signature();
        end(signature);
        carry_out(table_->forget(signature));
    }

    // --- The next process ---

    // Hosts, and whoever waits for them, go with the old one. It asks the keyring about the keys
    // that have a note.
    void restart() {
        hosts_.forget_jobs();
        opens_.clear();
        used_.clear();
        keys_.clear();
        closed_.clear();
        table_ = std::make_unique<KeyTable>();
        notes_ = std::make_unique<KeyNotes>(note_places());
        const auto before = std::exchange(models_, {});
        for (const auto& note : notes_->all()) {
            const auto& signature = note.signature;
            if (keyring_.contains(signature)) {
                const auto& token = keyring_.at(signature);
                models_[signature] = Model{.is_there = true,
                                           .is_locked = before.at(signature).is_locked,
                                           .serial = token.serial,
                                           .locator = token.locator};
                carry_out(see(signature));
            }
            carry_out(table_->restore(note));
        }
    }

    KeyNotePlaces note_places() { return {{places_, used_places_}, locks_all_others_}; }

    // --- What follows, as Keys does it ---

    void carry_out(const KeyEffects& effects) {
        for (const auto& signature : effects.noted) {
            const auto note = table_->note(signature);
            if (note) {
                EXPECT_TRUE(notes_->write(*note));
            } else {
                notes_->erase(signature);
            }
        }
        for (const auto& key : effects.closed) {
            closed_.insert(key->id);
        }
        opener_.close(effects.closed);
    }

    // --- What must be so ---

    void check() {
        for (const auto& [signature, model] : models_) {
            const auto info = table_->find(signature);
            const auto state = info ? info->state : KeyState::kMissing;
            EXPECT_EQ(state == KeyState::kLocked, model.is_locked);
            EXPECT_TRUE(model.is_there ||
                        (state != KeyState::kUnopened && state != KeyState::kUnlocked));
            const bool is_settled = !model.is_awaited && !model.is_trusting;
            EXPECT_TRUE(!model.is_locked || !is_settled || notes_->has(signature));
        }
        for (const auto& key : keys_) {
            EXPECT_FALSE(key->secret && closed_.contains(key->id));
            EXPECT_TRUE(!key->secret || may_have_secret(*key));
        }
        for (const auto& note : notes_->all()) {
            const auto& model = models_[note.signature];
            EXPECT_TRUE(model.is_there && !model.is_awaited);
            EXPECT_TRUE(model.is_trusting || note.locked == model.is_locked);
            EXPECT_FALSE(note.secret && model.is_locked);
        }
    }

    bool may_have_secret(const Key& key) {
        const bool is_being_opened = std::ranges::any_of(opens_, [&](const auto& open) {
            return open->answers == 0 && open->key->id == key.id;
        });
        if (is_being_opened || !key.signature) {
            return is_being_opened;
        }
        const auto& model = models_[*key.signature];
        return model.is_there && !model.is_locked && model.in_use == key.id;
    }

    struct Token {
        keyring::KeySerial serial = {};
        bool in_user_keyring = true;
        std::string locator;
    };

    std::mt19937_64 random_;
    int step_ = 0;
    std::map<KeySignature, Token> keyring_;  // as it was last seen
    std::map<KeySignature, Model> models_;
    int last_lock_of_all_ = -1;

    std::array<KeyNote, kKeys + 1> places_{};
    std::uint32_t used_places_ = 0;
    std::uint32_t locks_all_others_ = 0;
    std::unique_ptr<KeyNotes> notes_ = std::make_unique<KeyNotes>(note_places());
    test::FakeKeyHosts hosts_;
    KeyOpener opener_{hosts_};
    std::unique_ptr<KeyTable> table_ = std::make_unique<KeyTable>();

    std::vector<std::unique_ptr<Open>> opens_;
    std::vector<KeyRef> keys_;  // all that the table ever gave
    std::vector<KeyRef> used_;  // those for requests
    std::set<std::uint64_t> closed_;
};

TEST(KeyWalk, InvariantsHoldOnRandomWalks) {
    for (int seed = 0; seed < kWalks && !::testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Walk(static_cast<std::uint64_t>(seed)).run();
    }
}

}  // namespace
}  // namespace ecryptfs::agent
