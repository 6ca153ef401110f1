// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/key_uri.h"

#include <fmt/format.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "ecryptfs_pki_module.h"
#include "lib/base/bytes.h"
#include "lib/base/handle.h"
#include "lib/base/percent.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"
#include "pki-modules/pkcs11/cryptoki.h"

namespace ecryptfs::pkcs11_module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using Uri = base::Handle<P11KitUri, p11_kit_uri_free>;

constexpr char kMechanismAttribute[] = "x-mechanism";

std::unexpected<Error> refused(std::string message, std::string advice = {}) {
    if (advice.empty()) {
        advice = base::key_uri_advice();
    }
    return std::unexpected(
        Error{ErrorCode::kInvalidArgument, std::move(message), std::move(advice)});
}

std::string text_or_empty(const char* text) {
    return text == nullptr ? std::string() : std::string(text);
}

// A token field that the URI names. p11-kit leaves the others zeroed.
template <std::size_t Size>
std::optional<std::string> wanted_field(const unsigned char (&field)[Size]) {
    return field[0] == 0 ? std::nullopt : std::optional(unpadded(field));
}

std::optional<std::vector<std::uint8_t>> attribute(P11KitUri& uri, unsigned long type) {
    const auto* found = ::p11_kit_uri_get_attribute(&uri, type);
    if (found == nullptr) {
        return std::nullopt;
    }
    const auto* bytes = static_cast<const std::uint8_t*>(found->pValue);
    return std::vector<std::uint8_t>(bytes, bytes + found->ulValueLen);
}

std::optional<ObjectClass> object_class(P11KitUri& uri) {
    const auto value = attribute(uri, CKA_CLASS);
    CK_OBJECT_CLASS type = 0;
    if (!value || value->size() != sizeof type) {
        return std::nullopt;
    }
    std::memcpy(&type, value->data(), sizeof type);
    switch (type) {
        case CKO_PRIVATE_KEY:
            return ObjectClass::kPrivateKey;
        case CKO_PUBLIC_KEY:
            return ObjectClass::kPublicKey;
        case CKO_CERTIFICATE:
            return ObjectClass::kCertificate;
        default:
            return std::nullopt;
    }
}

// p11-kit takes the last of several values and leaves blanks out; another reader might take the
// first, and the two would load different libraries.
Result<void> check_names_once(std::string text) {
    std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
    std::set<std::string> names;
    std::string_view rest = text;
    rest.remove_prefix(std::min(rest.find(':'), rest.size() - 1) + 1);
    for (bool is_query = false; !rest.empty();) {
        const auto end = std::min(rest.find_first_of(is_query ? "&" : ";?"), rest.size());
        const auto equals = rest.find('=');  // what has none may be a PIN, and is no attribute
        const std::string name(equals < end ? rest.substr(0, equals) : "");
        if (!name.empty() && !names.insert(name).second) {
            return refused(fmt::format("the URI gives {} twice", name), "give it once");
        }
        is_query = is_query || rest.substr(end).starts_with('?');
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
}

Result<void> check_class(P11KitUri& uri) {
    if (attribute(uri, CKA_CLASS) && !object_class(uri)) {
        return refused("the URI's type is not private, public or cert",
                       "name a private key: type=private");
    }
    return {};
}

// Such parts say where the token is now, not which token is meant.
bool names_slot_or_library(P11KitUri& uri) {
    const auto* library = ::p11_kit_uri_get_module_info(&uri);
    const auto* slot = ::p11_kit_uri_get_slot_info(&uri);
    constexpr auto kNotSet = static_cast<unsigned char>(-1);
    return library->libraryDescription[0] != 0 || library->manufacturerID[0] != 0 ||
           library->libraryVersion.major != kNotSet || slot->slotDescription[0] != 0 ||
           slot->manufacturerID[0] != 0 ||
           ::p11_kit_uri_get_slot_id(&uri) != static_cast<CK_SLOT_ID>(-1);
}

Result<void> check_parts(P11KitUri& uri) {
    if (::p11_kit_uri_get_pin_value(&uri) != nullptr) {
        return refused("the URI holds a PIN (pin-value), which others could read in the keyring",
                       "leave it out to be asked for it, or name a file that holds it: "
                       "pin-source=file:/…");
    }
    if (::p11_kit_uri_any_unrecognized(&uri) != 0) {
        return refused("the URI has a part that is unknown or does not fit its field");
    }
    if (names_slot_or_library(uri)) {
        return refused("the URI names a slot or a library's properties",
                       "name the token by token= and serial=, and the library by module-path= "
                       "or module-name=");
    }
    return check_class(uri);
}

Result<std::optional<Mechanism>> read_mechanism(P11KitUri& uri) {
    const char* name = ::p11_kit_uri_get_vendor_query(&uri, kMechanismAttribute);
    if (name == nullptr) {
        return std::optional<Mechanism>{};
    }
    const auto mechanism = find_mechanism(name);
    if (!mechanism) {
        return refused("the URI's x-mechanism is unknown",
                       "leave it out: the module then finds out what the token can do");
    }
    return mechanism;
}

KeyUri read_names(P11KitUri& uri) {
    const auto* token = ::p11_kit_uri_get_token_info(&uri);
    KeyUri names;
    names.label = wanted_field(token->label);
    names.serial = wanted_field(token->serialNumber);
    names.manufacturer = wanted_field(token->manufacturerID);
    names.model = wanted_field(token->model);
    if (const auto object = attribute(uri, CKA_LABEL)) {
        names.object = std::string(base::as_text(*object));
    }
    names.id = attribute(uri, CKA_ID);
    names.type = object_class(uri);
    names.module_path = text_or_empty(::p11_kit_uri_get_module_path(&uri));
    names.module_name = text_or_empty(::p11_kit_uri_get_module_name(&uri));
    names.pin_source = text_or_empty(::p11_kit_uri_get_pin_source(&uri));
    return names;
}

class PathWriter {
  public:
    explicit PathWriter(std::string_view start = "pkcs11:") : text_(start) {}
    void add(std::string_view name, const std::optional<std::string>& value) {
        if (value) {
            begin(name);
            text_ += base::percent_encoded(*value, base::is_unreserved);
        }
    }
    void add_bytes(std::string_view name, base::ByteView value) {
        begin(name);
        text_ += base::percent_encoded(base::as_text(value), [](char) { return false; });
    }
    std::string take() { return std::move(text_); }

  private:
    void begin(std::string_view name) {
        text_ += fmt::format("{}{}=", first_ ? "" : ";", name);
        first_ = false;
    }

    std::string text_;
    bool first_ = true;
};

std::optional<std::string> optional_text(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

Result<KeyUri> KeyUri::parse(std::string_view text) {
    if (text.size() >= ECRYPTFS_PKI_MAX_LOCATOR) {
        return refused(fmt::format("the URI has {} bytes, more than {}", text.size(),
                                   ECRYPTFS_PKI_MAX_LOCATOR - 1));
    }
    TRY(check_names_once(std::string(text)));
    const Uri uri(::p11_kit_uri_new());
    const int result =
        ::p11_kit_uri_parse(std::string(text).c_str(), P11_KIT_URI_FOR_ANY, uri.get());
    if (result != P11_KIT_URI_OK) {
        return refused(result == P11_KIT_URI_BAD_SCHEME
                           ? "not a pkcs11: URI"
                           : "a pkcs11: URI that does not follow RFC 7512");
    }
    TRY(check_parts(*uri));
    const auto mechanism = TRY(read_mechanism(*uri));
    KeyUri names = read_names(*uri);
    names.mechanism = mechanism;
    return names;
}

bool KeyUri::matches(const TokenName& token) const {
    const auto fits = [](const std::optional<std::string>& asked, const std::string& is) {
        return !asked || *asked == is;
    };
    return fits(label, token.label) && fits(serial, token.serial) &&
           fits(manufacturer, token.manufacturer) && fits(model, token.model);
}

std::string KeyUri::text() const {
    PathWriter path;
    path.add("token", label);
    path.add("serial", serial);
    path.add("manufacturer", manufacturer);
    path.add("model", model);
    if (id) {
        path.add_bytes("id", *id);
    }
    path.add("object", object);
    path.add("type", "private");
    std::string uri = path.take();
    char separator = '?';
    const auto add_query = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) {
            uri += separator;
            separator = '&';
            uri += name;
            uri += '=';
            uri += base::percent_encoded(
                value, [](char c) { return base::is_unreserved(c) || c == '/' || c == ':'; });
        }
    };
    add_query("module-path", module_path);
    add_query("module-name", module_name);
    add_query("pin-source", pin_source);
    add_query(kMechanismAttribute, mechanism ? mechanism_name(*mechanism) : "");
    return uri;
}

std::string key_name_text(const std::optional<std::vector<std::uint8_t>>& id,
                          const std::optional<std::string>& label) {
    PathWriter path("");
    if (id) {
        path.add_bytes("id", *id);
    }
    path.add("object", label);
    return path.take();
}

KeyUri precise_uri(const TokenName& token) {
    KeyUri uri;
    uri.label = optional_text(token.label);
    uri.serial = optional_text(token.serial);
    if (token.serial.empty()) {
        uri.manufacturer = optional_text(token.manufacturer);
        uri.model = optional_text(token.model);
    }
    return uri;
}

std::string token_uri(const TokenName& token) {
    const KeyUri uri = precise_uri(token);
    PathWriter path;
    path.add("token", uri.label);
    path.add("serial", uri.serial);
    path.add("manufacturer", uri.manufacturer);
    path.add("model", uri.model);
    return path.take();
}

std::string listing_command(const KeyUri& uri) {
    constexpr std::size_t kMost = 150;  // in an advice, of ECRYPTFS_PKI_MAX_TEXT bytes
    return uri.module_path.empty() || uri.module_path.size() > kMost
               ? base::list_tokens_command()
               : fmt::format("p11tool --provider {} --list-tokens",
                             base::shell_word(uri.module_path));
}

}  // namespace ecryptfs::pkcs11_module
