@shop
Feature: Inside a system that is there
  As somebody whose system is no OSTree host
  I try one on the same disk
  and what I have stays as it is

  Scenario: A deployment beside the old system
    Given a plain system, which is no OSTree host
    And the file /home/me/letter with the line "dear me"
    And the file /etc/till/printer with the line "of the old system"
    When I list all files of the old system, with their checksums
    And I run "OSTREE_SYSROOT=/ dnf -y install htop"
    Then it fails
    And it says "Error: OSTREE_SYSROOT names /, which is not an OSTree sysroot: it has no ostree/repo"
    When I run "ostree admin init-fs --sysroot=/ / && ostree admin os-init --sysroot=/ world"
    And I run "ostree config --repo=/ostree/repo set sysroot.bootloader none"
    And I run "OSTREE_SYSROOT=/ dnf -y tree remote add trees file:///run/media/trees/repo --no-verify"
    And I run "OSTREE_SYSROOT=/ dnf -y rebase trees:shop/12/x86_64/till"
    Then it fails
    And it says "Error: / has no deployment"
    # The first one, for which nobody but the user knows the arguments of the kernel.
    When I run "ostree pull --repo=/ostree/repo trees shop/12/x86_64/till"
    And I run "ostree admin deploy --sysroot=/ --os=world --karg=root=LABEL=root trees:shop/12/x86_64/till"
    And I run "OSTREE_SYSROOT=/ dnf -y install htop"
    Then it ends well
    And the program "htop" is not there
    And all files of the old system are as they were

    When the host reboots
    Then "htop --version" works
    And /etc/till/printer reads "epson"
    And /sysroot/etc/till/printer reads "epson / of the old system"
    And /home/me/letter is not there
    And /sysroot/home/me/letter reads "dear me"
    When I run "dnf -y install tree"
    And the host reboots
    Then "tree --version && htop --version" works
    And all files of the old system are as they were
