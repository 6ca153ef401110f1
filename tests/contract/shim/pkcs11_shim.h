// SPDX-License-Identifier: Apache-2.0
//
// A PKCS#11 library that passes everything on to SoftHSM, but for the faults that a test asks for:
// what real tokens do, and SoftHSM by itself never does.

#pragma once

#include <atomic>

namespace ecryptfs::shim {

struct Faults {
    // Mechanisms that are refused when they are used, though C_GetMechanismInfo knows them; or that
    // it does not know.
    std::atomic<bool> refuse_oaep_sha1 = false;
    std::atomic<bool> refuse_oaep = false;
    std::atomic<bool> refuse_raw = false;
    std::atomic<bool> refuse_pkcs1 = false;
    std::atomic<unsigned long> oaep_fails =
        0;  // CKR_… of C_DecryptInit, for none of the known reasons
    std::atomic<bool> hide_oaep = false;
    std::atomic<bool> hide_raw = false;
    // OAEP with SHA-256, which SoftHSM cannot do.
    std::atomic<bool> offer_oaep_sha256 = false;

    // Points for ECDH in one of their two forms are refused. SoftHSM takes both.
    std::atomic<bool> refuse_plain_points = false;
    std::atomic<bool> refuse_der_points = false;
    std::atomic<bool> hide_ecdh = false;
    std::atomic<bool> keep_point_raw = false;  // CKA_EC_POINT without the head of its OCTET STRING

    // The token is out of its slot: sessions die, as they do then.
    std::atomic<bool> removed = false;
    // It is in slots of other numbers than SoftHSM's.
    std::atomic<unsigned long> slot_offset = 0;

    std::atomic<bool> twins = false;             // all tokens that SoftHSM has are named alike
    std::atomic<unsigned long> more_flags = 0;   // of C_GetTokenInfo
    std::atomic<bool> pad = false;               // a NULL PIN is typed on a pad …
    std::atomic<const char*> typed = nullptr;    // … by somebody, or nobody
    std::atomic<bool> refuse_pin = false;        // as if it had been changed elsewhere
    std::atomic<unsigned long> login_fails = 0;  // CKR_… of C_Login
    std::atomic<unsigned long> flags_after_login = 0;  // more_flags from then on

    std::atomic<unsigned> deny_every = 0;   // every so many C_DecryptInit: not logged in
    std::atomic<bool> deny_always = false;  // each of them
    std::atomic<bool> deny_once = false;    // the next one
    // The token has forgotten the login but the library has not: C_Decrypt denies, C_Login sends no
    // PIN, until C_Logout. Or it does so after each use.
    std::atomic<bool> forgot_login = false;
    std::atomic<bool> forgets_after_use = false;
    // The key of this label has CKA_ALWAYS_AUTHENTICATE, and its PIN holds for the next operation
    // only, in whichever session that is. Once, another program's operation comes between.
    std::atomic<const char*> confirm_each = nullptr;
    std::atomic<bool> disturb_once = false;
    std::atomic<unsigned> most_sessions = 0;  // 0: any number
    std::atomic<bool> hide_numbers = false;   // the private key does not show its modulus
    std::atomic<bool> hide_public = false;    // no public keys
    std::atomic<bool> only_signs = false;     // no key has CKA_DECRYPT
    std::atomic<bool> too_small = false;      // C_Decrypt: whatever the buffer, it is too small
    std::atomic<bool> count_wrong = false;    // C_Decrypt: says it wrote more than it was given
    std::atomic<bool> stay_active = false;    // C_DecryptInit: an operation is under way, once

    // What was called.
    std::atomic<unsigned> derivations = 0;
    std::atomic<unsigned> derived_objects = 0;  // that were not destroyed
    std::atomic<unsigned> logins = 0;
    std::atomic<unsigned> logouts = 0;
    std::atomic<unsigned> sessions = 0;  // that are open
    std::atomic<unsigned> decryptions = 0;
    std::atomic<unsigned> denials = 0;  // for want of the PIN for one use
    std::atomic<unsigned> infos = 0;    // C_GetTokenInfo
};

// Of the process; exported as ecryptfs_shim_faults.
using GetFaults = Faults* (*)();
// Logs out all of the token's sessions, behind everybody's back; ecryptfs_shim_log_out.
using LogOut = void (*)();

}  // namespace ecryptfs::shim
