@site
Feature: Prototype 3: where the files of users are, and that they stay
  As somebody who tests the third prototype
  I put files where I have always put them
  and find them there after an upgrade, after a switch to another tree, and after a rollback

  # What differs from a host without OSTree: /home, /root, /opt, /srv, /mnt and /usr/local are links into /var, of which
  # there is one for all trees; and what is in /usr is not for users to write. docs/files.md has the whole list.
  Scenario: A user's files and programs
    Given a host that was installed with the server tree
    When I run "useradd --create-home --shell /bin/bash tester"
    And I run "mkdir -p /var/big/Downloads && chown -R tester: /var/big && runuser -u tester -- ln -s /var/big/Downloads /home/tester/Downloads"
    And I run "runuser -u tester -- sh -c 'echo paper > /home/tester/Downloads/paper.txt'"
    And I run "echo secret > /root/.netrc && mkdir /opt/app /srv/www && echo page > /srv/www/index.html && echo data > /var/lib/data"
    And I run "printf '#!/bin/sh\necho mine\n' > /usr/local/bin/mine && chmod 755 /usr/local/bin/mine"
    And I run "printf '#!/bin/sh\necho vendor\n' > /opt/app/run && chmod 755 /opt/app/run"
    Then the user's files are all there
    # An application that dnf installs is found where its users expect it.
    When I run "dnf -y install htop"
    And the host reboots
    Then "command -v htop && htop --version" says "/usr/bin/htop"
    And the user's files are all there
    When the build server publishes the server tree with the package tree in it
    And I run "dnf -y upgrade"
    And the host reboots
    Then "htop --version && tree --version" works
    And the user's files are all there
    When I run "dnf -y system-switch trees:world/12/x86_64/workstation"
    And the host reboots
    Then "nano --version && htop --version" works
    And the user's files are all there
    When I run "echo later >> /home/tester/Downloads/paper.txt"
    And I run "dnf -y rollback"
    And the host reboots
    Then the user's files are all there
    And "cat /home/tester/Downloads/paper.txt" says "later"
    And "bc --version" works
